/**
 * The map that is painted: one class id per pixel, never a colour.
 *
 * @typedef {import('./shapes.js').Box} Box
 * @typedef {import('./shapes.js').Spans} Spans
 * @typedef {{box: Box, before: Uint8Array, after: Uint8Array}} Edit the pixels of a box, row by row,
 *   before and after one gesture
 */

/** The id of a pixel that nobody has labelled. */
export const UNLABELLED = 255;

/** Lets every class be painted over. */
export const ALLOW_ALL = new Uint8Array(256).fill(1);

export class LabelMap {
  #base; // the map as the gesture found it
  #gestureBox = null;
  #dirtyBox = null;
  #isOpen = false;

  /**
   * @param {number} width in pixels
   * @param {number} height in pixels
   * @param {Uint8Array | null} ids [height * width], row by row, copied; null: nothing labelled
   */
  constructor(width, height, ids = null) {
    this.width = width;
    this.height = height;
    this.clip = { x0: 0, y0: 0, x1: width, y1: height };
    this.ids = ids ? Uint8Array.from(ids) : new Uint8Array(width * height).fill(UNLABELLED);
    this.counts = new Int32Array(256); // pixels per class id, kept up to date by every change
    for (const id of this.ids) this.counts[id]++;
    this.#base = new Uint8Array(this.ids.length);
  }

  get isInGesture() {
    return this.#isOpen;
  }

  /** Class id at whole-pixel coordinates, or null outside of the map. */
  at(x, y) {
    const isInside = x >= 0 && y >= 0 && x < this.width && y < this.height;
    return isInside ? this.ids[y * this.width + x] : null;
  }

  /** Starts a gesture: what is painted until `end` becomes one edit. */
  begin() {
    this.#base.set(this.ids);
    this.#gestureBox = null;
    this.#isOpen = true;
  }

  /**
   * Gives the pixels of `spans` the class `id`, where `allow[class now there]` is 1.
   * @param {Spans} spans inside of the map
   * @param {number} id
   * @param {Uint8Array} allow [256] of 0 and 1
   */
  paint(spans, id, allow) {
    for (let k = 0; k < spans.length; k += 3) {
      this.#paintRow(spans[k], spans[k + 1], spans[k + 2], id, allow);
    }
  }

  #paintRow(y, x0, x1, id, allow) {
    const row = y * this.width;
    let first = -1;
    let last = -1;
    let changed = 0;
    for (let i = row + x0; i < row + x1; i++) {
      const old = this.ids[i];
      if (old === id || !allow[old]) continue;
      this.ids[i] = id;
      this.counts[old]--;
      changed++;
      if (first < 0) first = i;
      last = i;
    }
    if (!changed) return;
    this.counts[id] += changed;
    this.#touch({ x0: first - row, y0: y, x1: last - row + 1, y1: y + 1 });
  }

  /**
   * Takes over another map where it differs and `allow` permits.
   * @param {Uint8Array} ids [height * width]
   * @param {Uint8Array} allow [256] of 0 and 1, by the class that would be painted over
   * @param {number | null} classId only the pixels that `ids` gives this class; null: all
   */
  replace(ids, allow, classId = null) {
    for (let y = 0; y < this.height; y++) this.#replaceRow(y, ids, allow, classId);
  }

  #replaceRow(y, ids, allow, classId, x0 = 0, x1 = this.width) {
    const row = y * this.width;
    let first = -1;
    let last = -1;
    for (let i = row + x0; i < row + x1; i++) {
      const old = this.ids[i];
      if (ids[i] === old || !allow[old] || (classId !== null && ids[i] !== classId)) continue;
      this.ids[i] = ids[i];
      this.counts[old]--;
      this.counts[ids[i]]++;
      if (first < 0) first = i;
      last = i;
    }
    if (first >= 0) this.#touch({ x0: first - row, y0: y, x1: last - row + 1, y1: y + 1 });
  }

  /** Gives the pixels of `spans` what another map has there, where `allow` permits. */
  copy(spans, ids, allow) {
    for (let k = 0; k < spans.length; k += 3) {
      this.#replaceRow(spans[k], ids, allow, null, spans[k + 1], spans[k + 2]);
    }
  }

  /** Ends the gesture. @returns {Edit | null} null if nothing changed */
  end() {
    this.#isOpen = false;
    const box = this.#gestureBox;
    if (!box) return null;
    return { box, before: this.#crop(this.#base, box), after: this.#crop(this.ids, box) };
  }

  /** Takes back everything since `begin`. */
  cancel() {
    const box = this.#gestureBox;
    this.#isOpen = false;
    if (box) this.write(box, this.#crop(this.#base, box));
  }

  /** Writes the pixels of a box, whatever is there: undo and redo. */
  write(box, pixels) {
    let k = 0;
    for (let y = box.y0; y < box.y1; y++) {
      for (let i = y * this.width + box.x0; i < y * this.width + box.x1; i++, k++) {
        if (this.ids[i] === pixels[k]) continue;
        this.counts[this.ids[i]]--;
        this.counts[pixels[k]]++;
        this.ids[i] = pixels[k];
      }
    }
    this.#touch(box);
  }

  /** The box changed since the last call, or null: what has to be drawn anew. @returns {Box | null} */
  takeDirty() {
    const box = this.#dirtyBox;
    this.#dirtyBox = null;
    return box;
  }

  #touch(box) {
    this.#dirtyBox = union(this.#dirtyBox, box);
    if (this.#isOpen) this.#gestureBox = union(this.#gestureBox, box);
  }

  #crop(ids, box) {
    const width = box.x1 - box.x0;
    const pixels = new Uint8Array(width * (box.y1 - box.y0));
    for (let y = box.y0, k = 0; y < box.y1; y++, k += width) {
      const start = y * this.width + box.x0;
      pixels.set(ids.subarray(start, start + width), k);
    }
    return pixels;
  }
}

/** The smallest box around both; either may be null. Never changes its arguments. */
export function union(a, b) {
  if (!a || !b) return a ?? b;
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}
