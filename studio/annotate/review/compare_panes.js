/** Two masks over the same face, side by side with one view for both; or one of them, large. */

import { make } from '../../painter/panels/dom.js';
import { Stage } from '../../painter/stage.js';
import { View } from '../../painter/view.js';
import { haloOf } from './compare_halo.js';
import { Layer } from './compare_layer.js';
import { followPointer } from './compare_pointer.js';

/** Which mask a pane shows: the one chosen from the history, the one in force. */
export const SIDES = ['chosen', 'force'];
const AROUND = 24; // image pixels kept free around the changes that are zoomed to

export class Panes {
  view = new View();
  point = null; // under the pointer, in image pixels
  #picture = null;
  #scene = { chosen: null, force: null, comparison: null };
  #kept = { comparison: null, key: '', halo: null };
  #drawnThickness = '';

  /**
   * @param {import('./compare_look.js').Look} look
   * @param {(point: {x: number, y: number} | null) => void} onPointer in image pixels
   */
  constructor(look, onPointer) {
    this.look = look;
    this.onPointer = onPointer;
    this.panes = Object.fromEntries(SIDES.map((side) => [side, this.#createPane(side)]));
    this.element = make('div', { class: 'fl-compare' }, ...SIDES.map((side) => this.panes[side].element));
    look.watch(() => this.#update());
    const watcher = new ResizeObserver(() => this.#resize());
    for (const side of SIDES) watcher.observe(this.panes[side].canvas);
  }

  /** @param {import('../../painter/picture.js').Picture} picture @param {object} scheme */
  open(picture, scheme) {
    this.#picture = picture;
    this.#scene = { chosen: null, force: null, comparison: null };
    for (const pane of Object.values(this.panes)) pane.layer = null;
    this.scheme = scheme;
    this.view.setImageSize(picture.canvas.width, picture.canvas.height);
    this.#update();
  }

  /** Forgets the face and its pixels. */
  clear() {
    this.#picture = null;
    this.#scene = { chosen: null, force: null, comparison: null };
    this.#kept = { comparison: null, key: '', halo: null };
    for (const pane of Object.values(this.panes)) {
      pane.layer = null;
      pane.stage.invalidate();
    }
  }

  /**
   * @param {import('./compare.js').Mask | null} chosen null: none, or not there to be shown
   * @param {import('./compare.js').Mask | null} force
   * @param {import('./compare.js').Comparison | null} comparison of the two
   */
  show(chosen, force, comparison) {
    this.#scene = { chosen, force, comparison };
    this.#update();
  }

  /** @param {'chosen' | 'force'} side @param {...(Node | string)} content */
  caption(side, ...content) {
    this.panes[side].caption.replaceChildren(...content);
  }

  /** The whole face; again: one image pixel is one pixel of the screen, around a point. */
  fit(x = this.view.width / 2, y = this.view.height / 2) {
    if (!this.#picture) return;
    if (this.view.isFitted) this.view.zoomAt(x, y, 1);
    else this.view.fit();
    this.#viewChanged();
  }

  /** @param {import('../../painter/shapes.js').Box} box in image pixels */
  zoomTo({ x0, y0, x1, y1 }) {
    const { view } = this;
    const across = view.width / (x1 - x0 + 2 * AROUND);
    const down = view.height / (y1 - y0 + 2 * AROUND);
    view.zoomAt(0, 0, Math.min(across, down));
    const middle = view.toScreen((x0 + x1) / 2, (y0 + y1) / 2);
    view.panBy(view.width / 2 - middle.x, view.height / 2 - middle.y);
    this.#viewChanged();
  }

  #createPane(side) {
    const caption = make('p', { class: 'fl-compare-caption' });
    const canvas = make('canvas', { role: 'img', 'aria-label': side === 'force' ? 'Mask in force' : 'Chosen mask' });
    const cross = make('span', { class: 'fl-compare-cross', 'aria-hidden': 'true', hidden: true });
    const element = make('figure', { class: 'fl-compare-pane', 'data-side': side }, caption, make('div', { class: 'fl-compare-surface' }, canvas, cross));
    const stage = new Stage(canvas, this.view, { takeChanges: () => null, scene: () => this.#sceneOf(side) });
    followPointer(canvas, this.view, {
      moved: (point) => this.#pointerMoved(side, point),
      changed: () => this.#viewChanged(),
      fit: (x, y) => this.fit(x, y),
    });
    return { side, element, canvas, caption, cross, stage, layer: null };
  }

  #isShown(side) {
    return !this.look.get('isSingle') || this.look.get('front') === side;
  }

  get #shown() {
    return SIDES.filter((side) => this.#isShown(side)).map((side) => this.panes[side]);
  }

  #sceneOf(side) {
    if (!this.#picture) return null;
    const { layer } = this.panes[side];
    const isBare = !this.#scene[side] || this.look.get('isPeeking');
    const isOpaque = this.look.get('isOutlined') || this.#comparison;
    const opacity = isBare ? 0 : isOpaque && this.look.get('opacity') > 0 ? 1 : this.look.get('opacity');
    return { picture: this.#picture, overlay: layer, opacity };
  }

  get #comparison() {
    return this.look.get('isChangesOnly') ? this.#scene.comparison : null;
  }

  /** Draws layers anew that look different now, and asks for a frame. */
  #update() {
    for (const side of SIDES) this.panes[side].element.hidden = !this.#isShown(side);
    this.#resize();
    for (const pane of this.#shown) {
      const mask = this.#scene[pane.side];
      if (mask) {
        pane.layer ??= new Layer(mask, this.scheme);
        pane.layer.draw(mask, this.#style);
      }
      pane.stage.invalidate();
    }
  }

  /** Borders and rims stay about as thick on the screen when the face is shown small. */
  get #thickness() {
    const { scale } = this.view;
    return {
      outline: this.look.get('isOutlined') ? Math.max(1, Math.round(1.5 / scale)) : 0,
      spread: Math.max(0, Math.round(1 / scale) - 1),
      rim: Math.max(1, Math.round(1 / scale)),
    };
  }

  get #style() {
    const { outline } = this.#thickness;
    return { outline, highlight: this.look.get('highlight'), halo: this.#comparison && this.#halo() };
  }

  /** The same for both panes, and until something about it changes. */
  #halo() {
    const { spread, rim } = this.#thickness;
    const highlight = this.look.get('highlight');
    const key = [highlight, spread, rim].join();
    if (this.#kept.comparison !== this.#comparison || this.#kept.key !== key) {
      const halo = haloOf(this.#comparison, { highlight, spread, rim });
      this.#kept = { comparison: this.#comparison, key, halo };
    }
    return this.#kept.halo;
  }

  #viewChanged() {
    const wanted = Object.values(this.#thickness).join();
    if (wanted !== this.#drawnThickness) {
      this.#drawnThickness = wanted;
      this.#update();
    }
    for (const { stage } of this.#shown) stage.invalidate();
    this.onPointer(this.point);
  }

  #resize() {
    const isNew = this.#shown.map(({ canvas, stage }) => canvas.clientWidth > 0 && stage.resize());
    if (isNew.includes(true)) this.#viewChanged();
  }

  /** The point under the pointer is marked in the other picture. */
  #pointerMoved(side, point) {
    this.point = point && this.#picture ? this.view.toImage(point.x, point.y) : null;
    for (const { cross, side: its } of this.#shown) {
      cross.hidden = its === side || !this.point;
      if (!cross.hidden) cross.style.transform = `translate(${point.x}px, ${point.y}px)`;
    }
    this.onPointer(this.point);
  }
}
