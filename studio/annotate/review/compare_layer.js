/** A mask as colours over its face; or only what differs from another mask. */

import { UNLABELLED } from '../../painter/labelmap.js';
import { Overlay } from '../../painter/overlay.js';
import { RIM, VEILED } from './compare_halo.js';

const VEIL_COLOUR = 0xa0_00_00_00; // ABGR: black over what did not change
const RIM_COLOUR = 0xd0_ff_ff_ff; // around changes, so that dark classes are seen, too

/**
 * @typedef {object} LayerStyle
 * @property {number} outline thickness of borders in image pixels; 0: filled areas
 * @property {number | null} highlight the only class to show; null: all
 * @property {Int32Array | null} halo show only changes, see compare_halo.js; the rest does not count then
 */

export class Layer {
  #mask = null; // as drawn
  #style = {};

  /** @param {import('./compare.js').Mask} mask @param {object} scheme */
  constructor(mask, scheme) {
    this.scheme = scheme;
    this.overlay = new Overlay(mask, scheme);
  }

  get canvas() {
    return this.overlay.canvas;
  }

  /**
   * Draws a mask anew, if it does not look so already.
   * @param {import('./compare.js').Mask} mask of the layer's size @param {LayerStyle} style
   */
  draw(mask, { outline, highlight, halo }) {
    const style = halo ? { halo } : { outline, highlight };
    const isSame = ['outline', 'highlight', 'halo'].every((name) => style[name] === this.#style[name]);
    if (mask === this.#mask && isSame) return;
    this.#mask = mask;
    this.#style = style;
    this.overlay.map = mask;
    if (halo) this.#drawChanges(halo);
    else this.overlay.setStyle(this.#hidden(highlight), outline);
  }

  /** What nobody labelled is not covered, unless it is asked for. */
  #hidden(highlight) {
    if (highlight === null) return new Set([UNLABELLED]);
    const ids = [...this.scheme.classes.map(({ id }) => id), UNLABELLED];
    return new Set(ids.filter((id) => id !== highlight));
  }

  #drawChanges(halo) {
    this.overlay.setStyle(new Set(), 0);
    const { pixels, context, image } = this.overlay;
    for (let i = 0; i < pixels.length; i++) {
      const source = halo[i];
      if (source === VEILED) pixels[i] = VEIL_COLOUR;
      else if (source === RIM) pixels[i] = RIM_COLOUR;
      else if (source !== i) pixels[i] = pixels[source]; // a change keeps its colour
    }
    context.putImageData(image, 0, 0);
  }
}
