/** How long and how large, in words, and what that rests on. */

import { bytes, duration } from './words.js';

/**
 * @param {object} found frame of kind 'estimate' @param {object} recipe
 * @returns {{text: string, about: string, isWarning: boolean}}
 */
export function tellEstimate(found, { filter }) {
  const { faces, seconds_a_face: seconds, bytes_a_face: size, free_bytes: free, dropped } = found;
  const made = `${faces} face${faces === 1 ? '' : 's'} made just now: ${seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`} and ${bytes(size)} each`;
  const isByShare = [filter.uncertainty, filter.artifact].some((limit) => typeof limit === 'string');
  const pilot = isByShare ? `with ${filter.pilot} more to set the filter by` : '';
  const rests = [made, pilot, dropped ? `${dropped} tried again` : '', found.is_busy ? 'while other work was running' : ''].filter(Boolean).join(', ');
  const about = 'Measured on this machine with these formats, starting and expected retries included. Masks and pictures of other people may be larger or smaller.';
  const isWarning = found.bytes > free;
  const room = isWarning ? ` The disk has ${bytes(free)} left, which is too little.` : '';
  return { text: `About ${duration(found.seconds)} and ${bytes(found.bytes)}, from ${rests}.${room}`, about, isWarning };
}
