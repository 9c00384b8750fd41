/** Zoom and pan: where image pixels are on the screen. Screen coordinates are CSS pixels of the canvas. */

export const MAX_ZOOM = 16;
const FIT_MARGIN = 16; // CSS pixels kept free around a fitted image
const MIN_SHOWN = 48; // CSS pixels of the image that always stay in sight

export class View {
  scale = 1; // CSS pixels per image pixel
  x = 0; // screen position of the image's upper left corner
  y = 0;
  #isFitted = true;

  /** @param {number} width of the canvas in CSS pixels @param {number} height */
  resize(width, height) {
    this.width = width;
    this.height = height;
    if (this.#isFitted) this.fit();
    else this.#keepInSight();
  }

  /** @param {number} width of the image in pixels @param {number} height */
  setImageSize(width, height) {
    this.imageWidth = width;
    this.imageHeight = height;
    this.fit();
  }

  get isFitted() {
    return this.#isFitted;
  }

  get fitScale() {
    const across = (this.width - 2 * FIT_MARGIN) / this.imageWidth;
    const down = (this.height - 2 * FIT_MARGIN) / this.imageHeight;
    return Math.min(MAX_ZOOM, Math.max(0.01, Math.min(across, down)));
  }

  fit() {
    if (!this.width || !this.imageWidth) return;
    this.scale = this.fitScale;
    this.x = Math.round((this.width - this.imageWidth * this.scale) / 2);
    this.y = Math.round((this.height - this.imageHeight * this.scale) / 2);
    this.#isFitted = true;
  }

  /** Zooms so that the image point under the screen point stays there. */
  zoomAt(screenX, screenY, scale) {
    const { x, y } = this.toImage(screenX, screenY);
    this.scale = Math.min(MAX_ZOOM, Math.max(Math.min(1, this.fitScale / 4), scale));
    this.x = screenX - x * this.scale;
    this.y = screenY - y * this.scale;
    this.#isFitted = false;
    this.#keepInSight();
  }

  panBy(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#isFitted = false;
    this.#keepInSight();
  }

  /** @returns {{x: number, y: number}} in image pixels, fractions kept */
  toImage(screenX, screenY) {
    return { x: (screenX - this.x) / this.scale, y: (screenY - this.y) / this.scale };
  }

  /** @returns {{x: number, y: number}} in CSS pixels of the canvas */
  toScreen(x, y) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  #keepInSight() {
    const limit = (value, size, extent) =>
      Math.min(size - MIN_SHOWN, Math.max(MIN_SHOWN - extent * this.scale, value));
    this.x = limit(this.x, this.width, this.imageWidth);
    this.y = limit(this.y, this.height, this.imageHeight);
  }
}
