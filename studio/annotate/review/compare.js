/**
 * What differs between two masks, pixel by pixel.
 *
 * @typedef {import('../../painter/shapes.js').Box} Box
 * @typedef {object} Mask one decoded mask
 * @property {Uint8Array} ids [height * width] class ids, row by row
 * @property {number} width
 * @property {number} height
 * @property {Box} clip the whole of it
 * @property {Uint32Array} counts [256] pixels per class id
 *
 * @typedef {object} Comparison
 * @property {Mask} before
 * @property {Mask} after
 * @property {Uint8Array} isChanged [height * width] 1 where the class differs
 * @property {number} numChanged
 * @property {Uint32Array} added [256] pixels per class that have it only after
 * @property {Uint32Array} removed [256] pixels per class that had it only before
 * @property {Box | null} box around all changed pixels
 */

/** @param {{ids: Uint8Array, width: number, height: number}} decoded @returns {Mask} */
export function asMask({ ids, width, height }) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < ids.length; i++) counts[ids[i]]++;
  return { ids, width, height, counts, clip: { x0: 0, y0: 0, x1: width, y1: height } };
}

/** Class id at whole-pixel coordinates, or null outside of the mask. */
export function classAt(mask, x, y) {
  const isInside = x >= 0 && y >= 0 && x < mask.width && y < mask.height;
  return isInside ? mask.ids[y * mask.width + x] : null;
}

/** @param {Mask} before @param {Mask} after of the same size @returns {Comparison} */
export function compare(before, after) {
  const { width, height } = before;
  const isChanged = new Uint8Array(width * height);
  const [added, removed] = [new Uint32Array(256), new Uint32Array(256)];
  const box = { x0: width, y0: height, x1: 0, y1: 0 };
  let numChanged = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const [from, to] = [before.ids[i], after.ids[i]];
      if (from === to) continue;
      isChanged[i] = 1;
      numChanged++;
      removed[from]++;
      added[to]++;
      if (x < box.x0) box.x0 = x;
      if (x >= box.x1) box.x1 = x + 1;
      if (y < box.y0) box.y0 = y;
      box.y1 = y + 1;
    }
  }
  return { before, after, isChanged, numChanged, added, removed, box: numChanged ? box : null };
}

/**
 * The classes that gained or lost pixels, the most changed first.
 * @param {Comparison} comparison
 * @returns {{id: number, before: number, after: number, added: number, removed: number}[]}
 */
export function changesByClass({ before, after, added, removed }) {
  return Array.from({ length: 256 }, (_, id) => ({
    id,
    before: before.counts[id],
    after: after.counts[id],
    added: added[id],
    removed: removed[id],
  }))
    .filter((row) => row.added || row.removed)
    .sort((a, b) => b.added + b.removed - (a.added + a.removed));
}
