/**
 * What may be painted over.
 *
 * A locked class keeps every pixel it has: no tool paints over or erases it. More of it may be painted.
 * 'Paint only on' limits all tools to pixels that are unlabelled, or of one class.
 * Undo and redo are not painting: they bring back exactly what was, locked or not.
 */

import { UNLABELLED } from './labelmap.js';

/** `onlyOn` for: no limit. */
export const ANYTHING = 'anything';

/**
 * @param {Set<number>} locked class ids
 * @param {number | 'anything'} onlyOn class id (255: unlabelled) that may be painted over
 * @returns {Uint8Array} [256]: 1 where a pixel of that class may be painted over
 */
export function allowTable(locked, onlyOn) {
  const allow = new Uint8Array(256);
  if (onlyOn === ANYTHING) allow.fill(1);
  else allow[onlyOn] = 1;
  for (const id of locked) allow[id] = 0;
  return allow;
}

/**
 * Why a gesture changed nothing, in words for the person, or '' if protection is not the reason.
 * @param {(id: number) => string} nameOf
 */
export function explain(locked, onlyOn, nameOf) {
  const reasons = [];
  if (onlyOn === UNLABELLED) reasons.push('painting is limited to unlabelled pixels');
  else if (onlyOn !== ANYTHING) reasons.push(`painting is limited to ${nameOf(onlyOn)}`);
  if (locked.size) reasons.push(`locked: ${[...locked].map(nameOf).join(', ')}`);
  return reasons.length ? `Nothing changed here: ${reasons.join('; ')}.` : '';
}
