/**
 * What a machine thinks the whole face is: shown beside what is painted, taken over on request.
 *
 * What is painted is filled; what is predicted is hatched, with a line along its borders, and only
 * where nothing is painted, so that the two are told apart at a glance.
 */

import { UNLABELLED } from './labelmap.js';
import { abgr } from './overlay.js';

const HATCH = 7; // pixels of a 512 px face from line to line
const HATCH_OPACITY = 0.62;
const CALM = 0.85; // share of the pixels whose uncertainty is not shown: those that are surest
const GLARING = 0.995; // share from which it is shown at its strongest
const HEAT = 0x00ffc6; // BGR of uncertainty: a yellow green that no part of a face has

export class Prediction {
  isOffered = false; // is there anybody who predicts?
  ids = null; // [height * width] class ids, or null
  uncertainty = null; // {ids: Uint8Array, width, height}, 0 to 255
  isUncertaintyShown = false;
  range = null; // levels of uncertainty from which it is shown, and at its strongest
  #isEverywhere = false; // also where something else is painted: while it is being taken over
  #listeners = [];

  /** Calls `update` when something else is to be drawn. */
  listen(update) {
    this.#listeners.push(update);
  }

  #tell() {
    for (const update of this.#listeners) update();
  }

  set(ids, uncertainty) {
    Object.assign(this, { ids, uncertainty });
    this.range = uncertainty && [CALM, GLARING].map((share) => quantile(uncertainty.ids, share));
    this.#tell();
  }

  clear() {
    if (this.ids) this.set(null, null);
  }

  showUncertainty(isShown) {
    this.isUncertaintyShown = isShown;
    this.#tell();
  }

  get isEverywhere() {
    return this.#isEverywhere;
  }

  set isEverywhere(isEverywhere) {
    if (this.#isEverywhere === isEverywhere) return;
    this.#isEverywhere = isEverywhere;
    this.#tell();
  }
}

/** The prediction as a picture of the map's size, kept up to date box by box. */
export class PredictionLayer {
  #colours = new Uint32Array(256);
  #faint = new Uint32Array(256);

  /** @param {Prediction} prediction @param {import('./labelmap.js').LabelMap} map @param {object} scheme */
  constructor(prediction, map, scheme) {
    Object.assign(this, { prediction, map });
    this.canvas = Object.assign(document.createElement('canvas'), { width: map.width, height: map.height });
    this.context = this.canvas.getContext('2d');
    this.image = this.context.createImageData(map.width, map.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.thickness = Math.max(1, Math.round(map.width / 512));
    for (const { id, color } of scheme.classes) {
      this.#colours[id] = abgr(color);
      this.#faint[id] = ((this.#colours[id] & 0xffffff) | (Math.round(HATCH_OPACITY * 255) << 24)) >>> 0;
    }
  }

  get isEmpty() {
    return !this.prediction.ids;
  }

  /** Draws a box anew. @param {import('./shapes.js').Box} box */
  update(box = this.map.clip) {
    const { x0, y0, x1, y1 } = box;
    if (this.isEmpty) return;
    for (let y = y0; y < y1; y++) this.#drawRow(y, x0, x1);
    this.context.putImageData(this.image, 0, 0, x0, y0, x1 - x0, y1 - y0);
  }

  #drawRow(y, x0, x1) {
    const { ids: painted, width, height } = this.map;
    const { ids, isEverywhere } = this.prediction;
    const period = HATCH * this.thickness;
    const down = Math.min(this.thickness, height - 1 - y) * width;
    const up = Math.min(this.thickness, y) * width;
    for (let x = x0, i = y * width + x0; x < x1; x++, i++) {
      const id = ids[i];
      const isFree = painted[i] === UNLABELLED;
      if (!isFree && (!isEverywhere || painted[i] === id)) {
        this.pixels[i] = 0;
        continue;
      }
      const right = Math.min(this.thickness, width - 1 - x);
      const left = Math.min(this.thickness, x);
      const isBorder = ids[i + down] !== id || ids[i - up] !== id || ids[i + right] !== id || ids[i - left] !== id;
      const isHatched = (x + y) % period < this.thickness;
      this.pixels[i] = isBorder ? this.#colours[id] : isHatched ? this.#faint[id] : this.#heat(x, y, isFree);
    }
  }

  /** Uncertainty between the lines, if it is wanted. */
  #heat(x, y, isFree) {
    const { uncertainty, isUncertaintyShown } = this.prediction;
    if (!isUncertaintyShown || !uncertainty || !isFree) return 0;
    const column = Math.floor((x * uncertainty.width) / this.map.width);
    const row = Math.floor((y * uncertainty.height) / this.map.height);
    const level = uncertainty.ids[row * uncertainty.width + column];
    const [calm, glaring] = this.prediction.range;
    if (level <= calm) return 0;
    const strength = Math.min(1, (level - calm) / Math.max(1, glaring - calm));
    return ((Math.round(60 + 170 * strength) << 24) | HEAT) >>> 0;
  }
}

/** The level that this share of the values does not exceed. @param {Uint8Array} values */
function quantile(values, share) {
  const counts = new Uint32Array(256);
  for (const value of values) counts[value]++;
  let left = share * values.length;
  return counts.findIndex((count) => (left -= count) <= 0);
}
