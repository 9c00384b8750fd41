/** What the statistics dialog shows, as tables of plain values: sorted, drawn, copied. */

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} title what is counted
 * @property {(row: object) => string | number | null} value for sorting and files; null: there is none
 * @property {((value: number) => string)} [show] what is read; without it, a text
 */

const count = (value) => value.toLocaleString('en');
const percent = (value) => `${value.toFixed(1)} %`;
const oneDigit = (value) => value.toFixed(1);

/** @param {{num_pixels: number}[]} classes @returns {Column[]} */
export function classColumns(classes) {
  const all = classes.reduce((sum, each) => sum + each.num_pixels, 0);
  return [
    { name: 'Class', title: 'Of the label scheme', value: (row) => row.name },
    { name: 'Faces', title: 'Faces whose mask in force has the class', value: (row) => row.num_faces, show: count },
    { name: 'Pixels', title: 'In all masks in force', value: (row) => row.num_pixels, show: count },
    { name: 'Share', title: 'Of the pixels of all masks in force', value: (row) => (all ? rounded((100 * row.num_pixels) / all, 4) : null), show: (value) => `${value.toFixed(2)} %` },
  ];
}

/** @type {Column[]} */
export const PERSON_COLUMNS = [
  { name: 'Person', title: 'Who saved or reviewed', value: (row) => row.person },
  { name: 'Faces', title: 'Faces with a mask of this person', value: (row) => row.num_faces, show: count },
  { name: 'Saves', title: 'Drafts and finished masks', value: (row) => row.num_drafts + row.num_done, show: count },
  { name: 'Done', title: 'Saves marked as done', value: (row) => row.num_done, show: count },
  { name: 'Accepted', title: 'Reviews that accepted a mask of this person', value: (row) => row.num_accepted, show: count },
  { name: 'Rejected', title: 'Reviews that rejected a mask of this person', value: (row) => row.num_rejected, show: count },
  { name: 'Acceptance', title: 'Accepted of all reviews of this person’s masks', value: acceptance, show: percent },
  { name: 'Reviews', title: 'Reviews that this person made', value: (row) => row.num_reviews, show: count },
  { name: 'Hours', title: 'Time spent painting; pauses over a minute are left out', value: (row) => rounded(row.seconds / 3600, 4), show: oneDigit },
  { name: 'Min / face', title: 'Minutes of painting for each face', value: (row) => (row.num_faces ? rounded(row.seconds / 60 / row.num_faces, 4) : null), show: oneDigit },
];

function acceptance({ num_accepted: accepted, num_rejected: rejected }) {
  const all = accepted + rejected;
  return all ? rounded((100 * accepted) / all, 4) : null;
}

function rounded(value, digits) {
  return Number(value.toFixed(digits));
}

/** Rows in order of a column; those without a value come last either way. @param {1 | -1} direction */
export function sorted(rows, { value }, direction) {
  const before = (a, b) => (typeof a === 'string' ? a.localeCompare(b) : a - b);
  return rows.toSorted((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * before(a, b);
  });
}

/** @param {object[]} rows @param {Column[]} columns @param {',' | '\t'} separator */
export function asText(rows, columns, separator) {
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ value }) => value(row) ?? ''))];
  return lines.map((line) => line.map((cell) => cellText(cell, separator)).join(separator)).join('\r\n');
}

/** A name that begins like a formula would be run by a spreadsheet; an apostrophe keeps it text. */
function cellText(cell, separator) {
  if (typeof cell === 'number') return String(cell);
  const text = (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell).replace(/[\r\n]+/g, ' ');
  if (separator === '\t') return text.replaceAll('\t', ' ');
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
