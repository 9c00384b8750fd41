/** What came of an import, for the person. */

import { make } from '../../painter/panels/dom.js';

const MAX_SHOWN = 50; // problems, then only their number

export function megabytes(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * @param {object} report of POST .../import: num_files, num_imported, num_beside, num_skipped,
 *   num_problems, problems
 * @returns {HTMLElement[]}
 */
export function reportOf(report) {
  const numProblems = report.num_problems ?? report.problems.length;
  if (!numProblems) return [make('p', {}, successText(report))];
  const shown = report.problems.slice(0, MAX_SHOWN);
  const rest = numProblems - shown.length;
  const items = shown.map((problem) => make('li', {}, problem));
  if (rest) items.push(make('li', { class: 'fl-exchange-more' }, `and ${rest.toLocaleString('en')} more`));
  const files = report.num_files === 1 ? '1 mask' : `${report.num_files.toLocaleString('en')} masks`;
  const problems = numProblems === 1 ? 'one problem' : `${numProblems.toLocaleString('en')} problems`;
  return [make('p', {}, `Nothing was imported: ${problems} in ${files}. Mend them and import the file again.`), make('ul', {}, ...items)];
}

function successText({ num_imported: numImported, num_beside: numBeside = 0, num_skipped: numSkipped }) {
  const parts = [`${masks(numImported)} imported`];
  if (numBeside) parts.push(`${numImported - numBeside} of them in force now, ${numBeside} kept beside the mask in force`);
  if (numSkipped) parts.push(`${masks(numSkipped)} there already`);
  return `${parts.join('; ')}.`;
}

function masks(count) {
  return count === 1 ? '1 mask' : `${count.toLocaleString('en')} masks`;
}
