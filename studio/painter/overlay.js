/** The label map as colours: kept up to date box by box, read by nobody but the screen. */

import { UNLABELLED } from './labelmap.js';

/** Of unlabelled pixels, where they are shown: not the colour of any part of a face. */
export const UNLABELLED_COLOUR = '#ff2fd6';
const UNKNOWN_COLOUR = '#ff00ff'; // an id that the scheme does not have

export class Overlay {
  #colours = new Uint32Array(256); // ABGR, as ImageData has it on little-endian machines

  /** @param {import('./labelmap.js').LabelMap} map @param {{classes: {id: number, color: string}[]}} scheme */
  constructor(map, scheme) {
    this.map = map;
    this.scheme = scheme;
    this.canvas = Object.assign(document.createElement('canvas'), { width: map.width, height: map.height });
    this.context = this.canvas.getContext('2d');
    this.image = this.context.createImageData(map.width, map.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /**
   * How classes are drawn from now on; everything is drawn anew.
   * @param {Set<number>} hidden class ids
   * @param {number} outline thickness of borders in image pixels; 0: filled areas
   */
  setStyle(hidden, outline) {
    this.outline = outline;
    this.#colours.fill(abgr(UNKNOWN_COLOUR));
    for (const { id, color } of this.scheme.classes) this.#colours[id] = abgr(color);
    this.#colours[UNLABELLED] = abgr(UNLABELLED_COLOUR);
    for (const id of hidden) this.#colours[id] = 0;
    this.update(this.map.clip);
  }

  /**
   * Draws a changed box anew.
   * @param {import('./shapes.js').Box} box
   * @returns {import('./shapes.js').Box} what looks different now: borders reach beyond the box
   */
  update(box) {
    const reach = this.outline;
    const { width, height } = this.map;
    const drawn = {
      x0: Math.max(0, box.x0 - reach),
      y0: Math.max(0, box.y0 - reach),
      x1: Math.min(width, box.x1 + reach),
      y1: Math.min(height, box.y1 + reach),
    };
    if (reach) this.#colourBorders(drawn, reach);
    else this.#colourAreas(drawn);
    const size = [drawn.x1 - drawn.x0, drawn.y1 - drawn.y0];
    this.context.putImageData(this.image, 0, 0, drawn.x0, drawn.y0, ...size);
    return drawn;
  }

  #colourAreas({ x0, y0, x1, y1 }) {
    const { ids, width } = this.map;
    for (let y = y0; y < y1; y++) {
      for (let i = y * width + x0; i < y * width + x1; i++) this.pixels[i] = this.#colours[ids[i]];
    }
  }

  /** A pixel is on a border if a pixel `reach` to one of the four sides is of another class. */
  #colourBorders({ x0, y0, x1, y1 }, reach) {
    const { ids, width, height } = this.map;
    for (let y = y0; y < y1; y++) {
      const up = Math.min(reach, y) * width;
      const down = Math.min(reach, height - 1 - y) * width;
      for (let x = x0, i = y * width + x0; x < x1; x++, i++) {
        const id = ids[i];
        const isBorder =
          ids[i - up] !== id || ids[i + down] !== id ||
          ids[i - Math.min(reach, x)] !== id || ids[i + Math.min(reach, width - 1 - x)] !== id;
        this.pixels[i] = isBorder ? this.#colours[id] : 0;
      }
    }
  }
}

/** '#rrggbb' -> opaque 0xAABBGGRR. */
export function abgr(colour) {
  const rgb = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
