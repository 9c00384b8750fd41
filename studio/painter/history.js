/** Undo and redo by gesture. Keeps only the changed box of each, packed into runs of equal pixels. */

export class History {
  #done = [];
  #undone = [];

  /** @param {number} limit gestures that can be taken back; the oldest are forgotten first */
  constructor(limit = 300) {
    this.limit = limit;
  }

  get undoCount() {
    return this.#done.length;
  }

  get redoCount() {
    return this.#undone.length;
  }

  /** Bytes held, for the bench. */
  get byteLength() {
    return [...this.#done, ...this.#undone].reduce((sum, packed) => sum + packed.byteLength, 0);
  }

  /** @param {import('./labelmap.js').Edit} edit what one gesture changed */
  push(edit) {
    this.#done.push(pack(edit));
    if (this.#done.length > this.limit) this.#done.shift();
    this.#undone = [];
  }

  /** Takes the last gesture back on `map`. @returns {boolean} false: there is none */
  undo(map) {
    const packed = this.#done.pop();
    if (!packed) return false;
    this.#undone.push(packed);
    map.write(packed.box, unpack(packed, packed.before));
    return true;
  }

  /** Does the gesture taken back last again. @returns {boolean} false: there is none */
  redo(map) {
    const packed = this.#undone.pop();
    if (!packed) return false;
    this.#done.push(packed);
    map.write(packed.box, unpack(packed, packed.after));
    return true;
  }
}

/**
 * Runs of pixels that agree before and after: a stroke over half the face is some kilobytes instead
 * of two megabytes, so hundreds of gestures fit.
 */
function pack({ box, before, after }) {
  const ends = [];
  for (let i = 1; i <= before.length; i++) {
    if (before[i] !== before[i - 1] || after[i] !== after[i - 1]) ends.push(i);
  }
  const runs = Uint32Array.from(ends);
  const firsts = ends.map((end, k) => (k ? ends[k - 1] : 0));
  return {
    box,
    runs,
    before: Uint8Array.from(firsts, (i) => before[i]),
    after: Uint8Array.from(firsts, (i) => after[i]),
    byteLength: runs.byteLength + 2 * runs.length,
  };
}

function unpack({ box, runs }, values) {
  const pixels = new Uint8Array((box.x1 - box.x0) * (box.y1 - box.y0));
  for (let k = 0; k < runs.length; k++) pixels.fill(values[k], k ? runs[k - 1] : 0, runs[k]);
  return pixels;
}
