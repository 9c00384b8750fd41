/** Thumbnails of a project's faces, each marked 'with', 'without' or not at all. */

import { make } from '../../painter/panels/dom.js';

const NEXT = { '': 'with', with: 'without', without: '' };
const KEYS = { w: 'with', o: 'without' };
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export class FaceGrid {
  #faces = [];
  #items = []; // buttons, one a face
  #active = 0; // the one that Tab comes to

  /**
   * @param {string} sha256 of the generator whose faces can be marked
   * @param {(marks: Map<number, 'with' | 'without'>) => void} onChange
   */
  constructor(sha256, onChange) {
    Object.assign(this, { sha256, onChange });
    this.marks = new Map();
    this.element = make('div', { class: 'fl-co-picks', role: 'group', 'aria-label': 'Faces of the project' });
    this.element.addEventListener('click', (event) => this.#clicked(event));
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param {object[]} faces as the server tells them @param {Map<number, string>} marks is kept up to date */
  show(faces, marks) {
    this.#faces = faces;
    this.marks = marks;
    this.#items = faces.map((face, i) => this.#create(face, i));
    this.element.replaceChildren(...this.#items);
    this.#active = Math.max(0, faces.findIndex((face) => this.#isFit(face)));
    this.#update();
  }

  /** How many faces can be marked, and how many are of another generator. */
  get counts() {
    const fit = this.#faces.filter((face) => this.#isFit(face)).length;
    return { fit, other: this.#faces.length - fit };
  }

  ids(mark) {
    return [...this.marks].filter(([, each]) => each === mark).map(([id]) => id);
  }

  /** All that have no mark. */
  markRest(mark) {
    for (const face of this.#faces) if (this.#isFit(face) && !this.marks.has(face.id)) this.marks.set(face.id, mark);
    this.#update();
  }

  clear() {
    this.marks.clear();
    this.#update();
  }

  #isFit(face) {
    return face.generator_sha256 === this.sha256;
  }

  #create(face, i) {
    const image = make('img', { src: face.thumbnail, alt: '', width: 92, height: 92, loading: 'lazy', draggable: 'false' });
    const badge = make('i', { 'aria-hidden': 'true' });
    return make('button', { type: 'button', class: 'fl-co-pick', 'data-place': i, tabindex: -1, 'aria-disabled': String(!this.#isFit(face)) }, image, badge);
  }

  #update() {
    this.#items.forEach((item, i) => {
      const face = this.#faces[i];
      const mark = this.marks.get(face.id) ?? '';
      const seed = face.seed === null ? `face ${face.id}` : `seed ${face.seed}`;
      item.dataset.mark = mark;
      item.querySelector('i').textContent = { with: '+', without: '−' }[mark] ?? '';
      item.title = this.#isFit(face) ? `Seed ${face.seed ?? '—'}${mark && `: ${mark}`}` : `Made by '${face.generator}'; only faces of this generator can be used.`;
      item.setAttribute('aria-label', this.#isFit(face) ? `${seed}: ${mark || 'not marked'}` : `${seed}: made by another generator`);
      item.tabIndex = i === this.#active ? 0 : -1;
    });
    this.onChange(this.marks);
  }

  #mark(place, mark) {
    const face = this.#faces[place];
    if (!face || !this.#isFit(face)) return;
    if (mark) this.marks.set(face.id, mark);
    else this.marks.delete(face.id);
    this.#active = place;
    this.#update();
  }

  #markOf(place) {
    return this.marks.get(this.#faces[place]?.id) ?? '';
  }

  #clicked(event) {
    const item = event.target.closest('.fl-co-pick');
    if (!item) return;
    const place = Number(item.dataset.place);
    const mark = this.#markOf(place);
    this.#mark(place, event.shiftKey ? (mark === 'without' ? '' : 'without') : NEXT[mark]);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#items.length) return;
    const asked = KEYS[event.key.toLowerCase()];
    const step = STEPS[event.key] ?? { ArrowUp: -this.#columns, ArrowDown: this.#columns }[event.key];
    if (asked) this.#mark(this.#active, this.#markOf(this.#active) === asked ? '' : asked);
    else if (['Delete', 'Backspace'].includes(event.key)) this.#mark(this.#active, '');
    else if (step !== undefined) this.#go(step);
    else return; // Space and Enter are a click
    event.preventDefault();
  }

  get #columns() {
    const top = this.#items[0].offsetTop;
    const inRow = this.#items.findIndex((item) => item.offsetTop > top);
    return inRow < 0 ? this.#items.length : inRow;
  }

  #go(step) {
    const place = Math.min(Math.max(this.#active + step, 0), this.#items.length - 1);
    if (Math.abs(step) > 1 && Number.isFinite(step) && Math.abs(place - this.#active) !== Math.abs(step)) return; // no such row
    this.#items[this.#active].tabIndex = -1;
    this.#active = place;
    this.#items[place].tabIndex = 0;
    this.#items[place].focus();
  }
}
