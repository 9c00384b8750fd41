/** What is on screen of the opened face: image, overlay, cursor; knows which change means drawing what. */

import { Overlay } from './overlay.js';
import { Picture } from './picture.js';
import { PredictionLayer } from './prediction.js';
import { Sketch } from './sketch.js';
import { Stage } from './stage.js';

export class Display {
  #picture = null;
  #overlay = null;
  #predicted = null; // layer above the overlay

  /**
   * @param {{stage: HTMLCanvasElement, sketch: HTMLCanvasElement}} canvases
   * @param {import('./studio.js').Studio} studio
   */
  constructor({ stage, sketch }, studio) {
    this.studio = studio;
    this.settings = studio.settings;
    this.stage = new Stage(stage, studio.view, {
      takeChanges: () => this.#takeChanges(),
      scene: () => this.#scene(),
    });
    this.sketch = new Sketch(sketch, studio.view, () => this.#sketchContent());
    this.#watchSettings();
    studio.prediction.listen(() => this.#predictionChanged());
    studio.listen((what) => this.#redraw(what));
  }

  /** Loads the image of a face. @throws {Error} see Picture.load */
  static async loadPicture({ imageUrl, width, height }) {
    return Picture.load(imageUrl, width, height);
  }

  /** @param {Picture} picture @param {import('./labelmap.js').LabelMap} map of the same size */
  show(picture, map) {
    this.#picture = picture;
    this.#overlay = new Overlay(map, this.studio.scheme);
    this.#predicted = new PredictionLayer(this.studio.prediction, map, this.studio.scheme);
    picture.adjust(this.settings.get('brightness'), this.settings.get('contrast'));
    this.studio.view.setImageSize(map.width, map.height);
    this.#restyle();
  }

  /** The map changed: it is drawn before the next frame. */
  mapChanged() {
    this.stage.invalidateChanges();
  }

  #takeChanges() {
    const box = this.studio.desk?.map.takeDirty() ?? null;
    if (!box) return null;
    this.studio.tell('map');
    this.#predicted.update(box);
    return this.#overlay.update(box);
  }

  #predictionChanged() {
    this.#predicted?.update();
    this.stage.invalidate();
  }

  #scene() {
    if (!this.studio.session) return null;
    const opacity = this.settings.get('isPeeking') ? 0 : this.settings.get('opacity');
    const isOutlined = this.settings.get('outline') && opacity > 0;
    const above = this.settings.get('isPeeking') || this.#predicted.isEmpty ? null : this.#predicted;
    return { picture: this.#picture, overlay: this.#overlay, opacity: isOutlined ? 1 : opacity, above };
  }

  #sketchContent() {
    const { studio } = this;
    const pointer = studio.pointer.last;
    const isIdle = !studio.desk || !pointer || studio.isSpaceDown || studio.isReadOnly;
    const colour = studio.colourOf(this.settings.get('classId'));
    return { preview: isIdle ? null : studio.tool.preview(pointer), pointer, colour };
  }

  #redraw(what) {
    if (what === 'view' && this.#overlay && this.#outlineWidth !== this.#overlay.outline) this.#restyle();
    if (what === 'view' || what === 'face') this.stage.invalidate();
    this.sketch.invalidate();
  }

  /** Borders stay about a screen pixel wide when the image is shown small. */
  get #outlineWidth() {
    return this.settings.get('outline') ? Math.max(1, Math.round(1.5 / this.studio.view.scale)) : 0;
  }

  #restyle() {
    this.#overlay?.setStyle(this.settings.get('hidden'), this.#outlineWidth);
    this.stage.invalidate();
  }

  #watchSettings() {
    this.settings.watch(['hidden', 'outline'], () => this.#restyle());
    this.settings.watch(['opacity', 'isPeeking'], () => this.stage.invalidate());
    this.settings.watch(['brightness', 'contrast'], () => {
      this.#picture?.adjust(this.settings.get('brightness'), this.settings.get('contrast'));
      this.stage.invalidate();
    });
    this.settings.watch(['tool', 'sizes', 'level', 'classId'], () => this.sketch.invalidate());
  }
}
