/** Keys of the tab, while it is on screen and nothing is written in. */

import { combination } from '../painter/keys.js';

const WRITING = 'input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [contenteditable=true]';

/**
 * @param {HTMLElement} root
 * @param {Record<string, () => void>} commands by key
 * @param {(isHeld: boolean) => void} [holdBefore] while B is down
 */
export function listenToKeys(root, commands, holdBefore = null) {
  document.addEventListener('keydown', (event) => {
    if (!isForUs(root, event)) return;
    const key = combination(event);
    if (holdBefore && key === 'b') {
      event.preventDefault();
      if (!event.repeat) holdBefore(true);
    } else if (key in commands) {
      event.preventDefault();
      commands[key]();
    }
  });
  if (!holdBefore) return;
  document.addEventListener('keyup', (event) => event.key.toLowerCase() === 'b' && holdBefore(false));
  window.addEventListener('blur', () => holdBefore(false));
}

function isForUs(root, event) {
  const { target } = event;
  if (!root.offsetParent || event.defaultPrevented || event.isComposing) return false;
  if (document.querySelector('dialog[open]')) return false;
  if (target !== document.body && !root.contains(target)) return false;
  return event.key === 'Escape' || !target.matches(WRITING);
}
