/** The canvas above the stage: the cursor and what a tool is about to do. Never touches the map. */

import { outlineOf } from './outline.js';

const HARD_TO_SEE = 10; // CSS pixels: a smaller cursor gets arms around it

/**
 * @typedef {object} Preview
 * @property {import('./shapes.js').Spans} [spans] pixels that the next click paints
 * @property {boolean} [isTinted] the spans are filled with the class colour
 * @property {import('./shapes.js').Point[]} [path] line being drawn, in image pixels
 * @property {boolean} [hasHandles] the path's points are shown
 */

export class Sketch {
  #frame = 0;
  #cache = { spans: null, segments: [] };

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./view.js').View} view
   * @param {() => {preview: Preview | null, pointer: object | null, colour: string}} content
   */
  constructor(canvas, view, content) {
    Object.assign(this, { canvas, view, content });
    this.context = canvas.getContext('2d');
  }

  invalidate() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const ratio = window.devicePixelRatio;
    const size = [this.canvas.clientWidth * ratio, this.canvas.clientHeight * ratio].map(Math.round);
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) {
      [this.canvas.width, this.canvas.height] = size;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, ...size);
    const { preview, pointer, colour } = this.content();
    if (!preview) return;
    if (preview.spans) this.#drawSpans(preview, colour);
    if (preview.path) this.#drawPath(preview, colour);
    if (preview.isCursor && pointer) this.#drawArms(preview.spans, pointer);
  }

  #drawSpans({ spans, isTinted }, colour) {
    if (isTinted) this.#tint(spans, colour);
    if (this.#cache.spans !== spans) this.#cache = { spans, segments: outlineOf(spans) };
    const { segments } = this.#cache;
    this.context.beginPath();
    for (let k = 0; k < segments.length; k += 4) {
      const from = this.view.toScreen(segments[k], segments[k + 1]);
      const to = this.view.toScreen(segments[k + 2], segments[k + 3]);
      this.context.moveTo(from.x, from.y);
      this.context.lineTo(to.x, to.y);
    }
    this.#strokeTwice();
  }

  #tint(spans, colour) {
    const { scale, x, y } = this.view;
    this.context.fillStyle = colour;
    this.context.globalAlpha = 0.35;
    for (let k = 0; k < spans.length; k += 3) {
      const width = (spans[k + 2] - spans[k + 1]) * scale;
      this.context.fillRect(spans[k + 1] * scale + x, spans[k] * scale + y, width, scale);
    }
    this.context.globalAlpha = 1;
  }

  #drawPath({ path, hasHandles }, colour) {
    const points = path.map((point) => this.view.toScreen(point.x, point.y));
    this.context.beginPath();
    for (const { x, y } of points) this.context.lineTo(x, y);
    this.context.fillStyle = colour;
    this.context.globalAlpha = 0.3;
    this.context.fill();
    this.context.globalAlpha = 1;
    this.#strokeTwice();
    if (!hasHandles) return;
    for (const { x, y } of points) {
      this.context.beginPath();
      this.context.rect(x - 3, y - 3, 6, 6);
      this.context.fillStyle = '#fff';
      this.context.fill();
      this.#strokeTwice();
    }
  }

  /** Four short lines that point at a cursor too small to be found. */
  #drawArms(spans, pointer) {
    const widest = spans.reduce((most, _, k) => (k % 3 ? most : Math.max(most, spans[k + 2] - spans[k + 1])), 0);
    const reach = (widest * this.view.scale) / 2;
    if (reach * 2 >= HARD_TO_SEE) return;
    this.context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      this.context.moveTo(pointer.screenX + dx * (reach + 4), pointer.screenY + dy * (reach + 4));
      this.context.lineTo(pointer.screenX + dx * (reach + 10), pointer.screenY + dy * (reach + 10));
    }
    this.#strokeTwice();
  }

  /** White on black: seen on any image. */
  #strokeTwice() {
    this.context.lineCap = 'square';
    this.context.lineJoin = 'round';
    this.context.strokeStyle = 'rgb(0 0 0 / 0.75)';
    this.context.lineWidth = 3;
    this.context.stroke();
    this.context.strokeStyle = '#fff';
    this.context.lineWidth = 1;
    this.context.stroke();
  }
}
