/** Keys of the tab itself. The painter's keys and those of the classes come first. */

import { combination } from '../painter/keys.js';
import { REVIEW_KEYS } from './review/keys.js';

const OWN_ARROWS = 'input[type=range], select, .fl-an-list, .fl-an-list *';
const WRITING = 'input:not([type=checkbox], [type=range]), textarea, [contenteditable=true]';

/** Sections for the painter's help. */
export const HELP = [
  [
    'Faces',
    [
      ['Page Down', 'Next face; so does .'],
      ['Page Up', 'Previous face; so does ,'],
      ['\\', 'Hide or show the list of faces'],
    ],
  ],
  ['Review', Object.entries(REVIEW_KEYS)],
];

/**
 * @param {HTMLElement} root
 * @param {import('./work.js').Work} work
 * @param {{toggleList: () => void, reviewKeys: (event: KeyboardEvent) => boolean}} verbs
 */
export function listenToKeys(root, work, verbs) {
  const commands = {
    PageDown: () => work.step('next'),
    '.': () => work.step('next'),
    PageUp: () => work.step('previous'),
    ',': () => work.step('previous'),
    '\\': verbs.toggleList,
  };
  document.addEventListener('keydown', (event) => {
    if (!isForUs(root, event)) return;
    if (work.mode === 'review' && verbs.reviewKeys(event)) return event.preventDefault();
    const key = combination(event);
    const isOfClass = work.project?.scheme.classes.some((each) => each.key === key);
    if (!(key in commands) || isOfClass) return;
    event.preventDefault();
    commands[key]();
  });
}

function isForUs(root, event) {
  const { target } = event;
  if (!root.offsetParent || event.defaultPrevented || event.isComposing) return false;
  if (document.querySelector('dialog[open]')) return false;
  if (target !== document.body && !root.contains(target)) return false;
  return !target.matches(WRITING) && !target.matches(OWN_ARROWS);
}
