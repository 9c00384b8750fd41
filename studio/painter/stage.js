/** The canvas with the image and the overlay. Only what changed is drawn. */

const CRISP_FROM = 2; // CSS pixels per image pixel from which pixels are shown as squares

export class Stage {
  #isAllPending = false;
  #frame = 0;
  #isFrameUsed = false;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./view.js').View} view
   * @param {object} source what to draw
   * @param {() => import('./shapes.js').Box | null} source.takeChanges brings the overlay up to date and
   *   answers with the box, in image pixels, that looks different since the last call
   * @param {() => {picture: object, overlay: object, opacity: number, above: object | null} | null} source.scene
   */
  constructor(canvas, view, source) {
    Object.assign(this, { canvas, view, source });
    this.context = canvas.getContext('2d');
    this.onDrawn = () => {};
  }

  /** Fits the drawing buffer to the element. @returns {boolean} whether the size changed */
  resize() {
    const ratio = window.devicePixelRatio;
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.canvas.width === width && this.canvas.height === height) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    this.view.resize(clientWidth, clientHeight);
    this.draw();
    return true;
  }

  /** Draws everything before the next frame. */
  invalidate() {
    this.#isAllPending = true;
    this.#schedule();
  }

  /**
   * Draws what changed on the map: at once the first time in a frame (as soon as the event has been
   * handled), so that a stroke does not wait for the screen; more of it before the next frame.
   */
  invalidateChanges() {
    if (this.#isFrameUsed) return this.#schedule();
    this.#isFrameUsed = true;
    queueMicrotask(() => this.draw(this.#isAllPending));
    requestAnimationFrame(() => (this.#isFrameUsed = false));
  }

  #schedule() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.draw(this.#isAllPending));
  }

  /** @param {boolean} isAll everything, not only what changed on the map */
  draw(isAll = true) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#isAllPending = false;
    const box = this.source.takeChanges();
    if (!isAll && !box) return;
    this.context.save();
    if (!isAll) this.#clip(box);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const scene = this.source.scene();
    if (scene) this.#drawScene(scene);
    this.context.restore();
    this.onDrawn();
  }

  #drawScene({ picture, overlay, opacity, above }) {
    const { scale, x, y } = this.view;
    const ratio = window.devicePixelRatio;
    this.context.setTransform(scale * ratio, 0, 0, scale * ratio, x * ratio, y * ratio);
    this.context.imageSmoothingEnabled = scale < CRISP_FROM;
    this.context.drawImage(picture.canvas, 0, 0);
    this.context.imageSmoothingEnabled = scale < 1;
    this.context.globalAlpha = opacity;
    if (opacity > 0) this.context.drawImage(overlay.canvas, 0, 0);
    this.context.globalAlpha = 1;
    if (above) this.context.drawImage(above.canvas, 0, 0);
  }

  /** Limits drawing to whole device pixels around a box, so that no seam is left at its rim. */
  #clip(box) {
    const ratio = window.devicePixelRatio;
    const from = this.view.toScreen(box.x0, box.y0);
    const to = this.view.toScreen(box.x1, box.y1);
    const [x, y] = [Math.floor(from.x * ratio) - 1, Math.floor(from.y * ratio) - 1];
    this.context.beginPath();
    this.context.rect(x, y, Math.ceil(to.x * ratio) + 1 - x, Math.ceil(to.y * ratio) + 1 - y);
    this.context.clip();
  }
}
