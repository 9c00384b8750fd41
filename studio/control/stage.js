/** The picture, its mask over or beside it, and what it was before. */

import { make } from '../painter/panels/dom.js';
import { decodePng } from '../painter/png.js';

const GAP = 12; // px between picture and mask
const UNLABELLED = 255;

/** A picture with the map of its classes. @typedef {{image: ImageBitmap, labels: {ids: Uint8Array, width: number, height: number} | null}} Sight */

/** @returns {Promise<Sight>} */
export async function readSight({ picture, labels }) {
  const blob = new Blob([picture], { type: 'image/jpeg' });
  const [image, map] = await Promise.all([createImageBitmap(blob), labels ? decodePng(labels) : null]);
  return { image, labels: map };
}

export class Stage {
  after = null; // Sight
  before = null;
  isBefore = false;
  #rgb = new Uint32Array(256); // by class id, as a canvas holds a pixel

  /** @param {import('./look.js').Look} look */
  constructor(look) {
    this.look = look;
    this.picture = make('canvas', { class: 'fl-co-picture', role: 'img', 'aria-label': 'The face', width: 1, height: 1 });
    this.over = make('canvas', { class: 'fl-co-over', 'aria-hidden': 'true', width: 1, height: 1 });
    this.beside = make('canvas', { class: 'fl-co-beside', role: 'img', 'aria-label': 'Its mask', width: 1, height: 1 });
    this.badge = make('span', { class: 'fl-co-badge', hidden: true }, 'Before');
    this.face = make('div', { class: 'fl-co-face' }, this.picture, this.over, this.badge);
    this.element = make('div', { class: 'fl-co-stage' }, this.face, this.beside);
    new ResizeObserver(() => this.#fit()).observe(this.element);
    look.listen(() => this.draw());
  }

  setClasses(classes) {
    this.#rgb.fill(0);
    for (const { id, color } of classes) {
      const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
      this.#rgb[id] = new Uint32Array(new Uint8Array([r, g, b, 255]).buffer)[0];
    }
    this.draw();
  }

  show(sight) {
    this.after = sight;
    this.draw();
  }

  setBefore(sight) {
    this.before = sight;
    if (this.isBefore) this.draw();
  }

  showBefore(isBefore) {
    this.isBefore = isBefore;
    this.draw();
  }

  /** What is on screen. @returns {Sight | null} */
  get shown() {
    return this.isBefore && this.before ? this.before : this.after;
  }

  /** A small copy of the picture. @returns {string} as a data: address */
  thumbnail(size) {
    const canvas = make('canvas', { width: size, height: size });
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.after.image, 0, 0, size, size);
    return canvas.toDataURL('image/jpeg', 0.8);
  }

  draw() {
    const { shown } = this;
    const { mode, opacity } = this.look;
    const hasMask = Boolean(shown?.labels);
    this.element.dataset.mask = hasMask ? mode : 'off';
    this.badge.hidden = !this.isBefore;
    this.over.hidden = !hasMask || mode !== 'over';
    this.beside.hidden = !hasMask || mode !== 'beside';
    this.over.style.opacity = opacity;
    this.#fit();
    if (!shown) return;
    drawPicture(this.picture, shown.image);
    if (!this.over.hidden) this.#drawMask(this.over, shown.labels);
    if (!this.beside.hidden) this.#drawMask(this.beside, shown.labels);
  }

  #drawMask(canvas, { ids, width, height }) {
    setSize(canvas, width, height);
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const chosen = this.look.chosenClass;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      pixels[i] = id === UNLABELLED || (chosen !== null && id !== chosen) ? 0 : this.#rgb[id];
    }
    context.putImageData(image, 0, 0);
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const across = this.element.dataset.mask === 'beside' ? (width - GAP) / 2 : width;
    const side = Math.max(64, Math.floor(Math.min(across, height)));
    this.element.style.setProperty('--side', `${side}px`);
  }
}

function drawPicture(canvas, image) {
  setSize(canvas, image.width, image.height);
  canvas.getContext('2d').drawImage(image, 0, 0);
}

/** Setting a canvas's size clears it, even to the same one. */
function setSize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
