/** Where changes are shown, and the pixels around them, so that single ones are seen in a small picture. */

export const VEILED = -1; // nothing changed here, nor near
export const RIM = -2; // around what is shown

/**
 * For each pixel the changed pixel whose colour it takes: its own place, or a change up to `spread`
 * pixels away; RIM up to `rim` pixels beyond; VEILED elsewhere. Grows ring by ring from the changes,
 * so that few changes take little time.
 * @param {import('./compare.js').Comparison} comparison
 * @param {{highlight: number | null, spread: number, rim: number}} how highlight: only changes from or to
 *   this class
 * @returns {Int32Array} [height * width]
 */
export function haloOf({ isChanged, before, after }, { highlight, spread, rim }) {
  const { width, height } = before;
  const sources = new Int32Array(width * height).fill(VEILED);
  const queue = new Int32Array(width * height);
  let end = 0;
  for (let i = 0; i < sources.length; i++) {
    if (!isChanged[i]) continue;
    if (highlight === null || before.ids[i] === highlight || after.ids[i] === highlight) sources[queue[end++] = i] = i;
  }
  for (let ring = 1, start = 0; ring <= spread + rim; ring++) {
    const stop = end;
    for (let at = start; at < stop; at++) {
      const i = queue[at];
      const x = i % width;
      const source = ring <= spread ? sources[i] : RIM;
      const [left, right] = [x ? -1 : 0, x < width - 1 ? 1 : 0];
      for (let row = i >= width ? i - width : i; row <= i + width && row < sources.length; row += width) {
        for (let k = row + left; k <= row + right; k++) {
          if (sources[k] === VEILED) sources[queue[end++] = k] = source;
        }
      }
    }
    start = stop;
  }
  return sources;
}
