/** What a reviewer may do with the masks of a face now, and why not. */

/** Usual reasons to reject, with the class that the scheme must have for it to make sense. */
const REASONS = [
  ['hair border', 'hair'],
  ['eyebrows', 'left eyebrow'],
  ['lips and mouth', 'upper lip'],
  ['ear', 'left ear'],
  ['missing earring', 'earring'],
  ['neck and clothes', 'neck'],
  ['pixels not labelled', null],
];

/** @param {{classes: {name: string}[]}} scheme @returns {string[]} */
export function usualReasons(scheme) {
  const names = new Set(scheme.classes.map(({ name }) => name));
  return REASONS.filter(([, needed]) => needed === null || names.has(needed)).map(([reason]) => reason);
}

/**
 * @param {{current: object | null, isSeen: boolean, isLoading: boolean}} state current: the revision in
 *   force; isSeen: it is on screen, not another one in its place
 * @returns {{accept: string, reject: string}} why it cannot be done now; '' where it can
 */
export function verdictHindrances({ current, isSeen, isLoading }) {
  const both = (reason) => ({ accept: reason, reject: reason });
  if (isLoading) return both('No face is loaded yet.');
  if (!current) return both('There is no mask yet.');
  if (current.status === 'draft') return both(`#${current.id} is a draft of ${current.author}: wait until it is done.`);
  if (!isSeen) return both(`#${current.id} is in force, not the one shown. Press X to see it first.`);
  const already = (status) => (current.status === status ? `#${current.id} is ${status} already.` : '');
  return { accept: already('accepted'), reject: already('rejected') };
}

/**
 * @param {object | null} chosen @param {object | null} current
 * @param {string} problem why the chosen mask cannot be shown; '' if it can
 * @returns {string} why it cannot be restored; '' if it can
 */
export function restoreHindrance(chosen, current, problem) {
  if (!chosen) return 'Choose an earlier revision first.';
  if (chosen.id === current?.id) return `#${chosen.id} is in force. Choose another one to restore.`;
  if (problem) return problem;
  if (chosen.sha256 === current?.sha256) return `#${chosen.id} has the same pixels as the one in force.`;
  return '';
}
