/** Regions computed from the generator's features, for the smart brush: pixel -> region -> pixels. */

export const NO_REGIONS = 'No regions were computed for this face';

/**
 * @typedef {object} SuperpixelLevel as the bridge gives it
 * @property {number} level 0 is the coarsest
 * @property {number} width
 * @property {number} height
 * @property {Uint16Array | Uint32Array} ids [height * width] region of each pixel, row by row
 * @property {Uint16Array | Uint32Array} [table] what stands in `ids` is an index of this table, and the
 *   table holds the regions: levels of one tree share their ids
 */

export class Superpixels {
  #index = new Map(); // position in levels -> {ids, starts, pixels}

  /**
   * @param {SuperpixelLevel[]} levels in any order; a level of another size is scaled to the map
   *   (nearest: pixel x of the map is column floor(x * level width / width) of the level)
   * @param {number} width of the map
   * @param {number} height of the map
   * @throws {Error} if a level's number of ids is not its width times its height
   */
  constructor(levels, width, height) {
    for (const { level, ids, ...size } of levels) {
      if (ids.length === size.width * size.height) continue;
      throw new Error(
        `Superpixel level ${level} has ${ids.length} ids, ${size.width} x ${size.height} = ` +
          `${size.width * size.height} are needed. The smart brush is off for this face.`,
      );
    }
    this.levels = [...levels].sort((a, b) => a.level - b.level);
    this.width = width;
    this.height = height;
  }

  get count() {
    return this.levels.length;
  }

  /** The region of a pixel (whole coordinates inside of the map) at a level (0: coarsest). */
  regionAt(level, x, y) {
    return this.#indexed(level).ids[y * this.width + x];
  }

  /** All pixels of a region. @returns {import('./shapes.js').Spans} */
  spansOf(level, region) {
    const { starts, pixels } = this.#indexed(level);
    const spans = [];
    for (let k = starts[region]; k < starts[region + 1]; k++) {
      const first = pixels[k];
      const y = Math.floor(first / this.width);
      const rowEnd = (y + 1) * this.width;
      while (k + 1 < starts[region + 1] && pixels[k + 1] === pixels[k] + 1 && pixels[k + 1] < rowEnd) k++;
      spans.push(y, first - y * this.width, pixels[k] - y * this.width + 1);
    }
    return spans;
  }

  /** The pixels of each region side by side (a counting sort), made when a level is first used. */
  #indexed(level) {
    if (!this.#index.has(level)) {
      const ids = this.#scaled(this.levels[level]);
      const starts = new Uint32Array(ids.reduce((a, b) => Math.max(a, b), 0) + 2);
      for (const id of ids) starts[id + 1]++;
      for (let id = 1; id < starts.length; id++) starts[id] += starts[id - 1];
      const next = starts.slice();
      const pixels = new Uint32Array(ids.length);
      for (let i = 0; i < ids.length; i++) pixels[next[ids[i]]++] = i;
      this.#index.set(level, { ids, starts, pixels });
    }
    return this.#index.get(level);
  }

  #scaled({ ids, width, height, table }) {
    const isSame = width === this.width && height === this.height;
    if (isSame) return table ? ids.map((id) => table[id]) : ids;
    const scaled = new ids.constructor(this.width * this.height);
    for (let y = 0, i = 0; y < this.height; y++) {
      const row = Math.floor((y * height) / this.height) * width;
      for (let x = 0; x < this.width; x++, i++) scaled[i] = ids[row + Math.floor((x * width) / this.width)];
    }
    return table ? scaled.map((id) => table[id]) : scaled;
  }
}
