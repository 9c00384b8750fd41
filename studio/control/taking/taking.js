/** Parts of another face: which face, which parts, and how far they go or how soft their borders are. */

import { make } from '../../painter/panels/dom.js';
import { openPhotos } from '../photo/dialog.js';
import { takeDrops } from '../photo/drop.js';
import { SOFTNESS, describe, photoOf, withPart } from '../recipe.js';
import { createSlider } from '../slider.js';
import { drawnSeed } from '../store.js';
import { TakenPhoto } from './photo.js';

const MAX_SEED = 2 ** 32 - 1;
const BLENDED = 'Parts are blended into the whole picture when you let go; small pictures while you drag come without them.';
const WHAT_SOFTNESS = 'How wide the borders of the parts are.';
const WHAT_PHOTO = 'A photo to take from: upload one, or open one of this workspace; a file can be dropped here, too';
const WHAT_SHAPE = 'How far it goes towards the shape that the other face has.';
const WHAT_TEXTURE = 'How far it goes towards the colours that the other face has.';

export class Taking {
  #options = null;
  #chips = new Map(); // part -> chip
  #amounts = new Map(); // part -> {element, shape, texture}
  #shownOf = ''; // address of the picture

  /**
   * @param {object} parts
   * @param {import('../api.js').ControlApi} parts.api
   * @param {import('../store.js').Store} parts.store
   * @param {HTMLElement} parts.host
   * @param {() => object[]} parts.kept recipes of the kept faces
   * @param {() => void} parts.onBetter the latents of the photo that is taken from came
   * @param {(id: string) => void} parts.onDelete of a photo
   */
  constructor({ api, store, host, kept, onBetter, onDelete }) {
    Object.assign(this, { api, store, host, kept, onDelete });
    this.photo = new TakenPhoto({ api, onChange: () => this.update(), onBetter });
    this.picture = make('img', { alt: 'The face that parts are taken from', width: 56, height: 56, draggable: 'false', hidden: true });
    this.seed = make('input', { type: 'number', class: 'fl-co-seed', min: 0, max: MAX_SEED, step: 1, 'aria-label': 'Seed of the other face' });
    this.seed.addEventListener('change', () => this.#seedTyped());
    this.another = make('button', { type: 'button', title: 'Another face to take from, drawn at random', onclick: () => store.settle({ source: `seed:${drawnSeed()}` }) }, 'Another');
    this.keptFaces = make('select', { 'aria-label': 'A kept face to take from' });
    this.keptFaces.addEventListener('pointerdown', () => this.#listKept());
    this.keptFaces.addEventListener('focus', () => this.#listKept());
    this.keptFaces.addEventListener('change', () => this.keptFaces.value && store.settle({ source: this.keptFaces.value }));
    this.photoButton = make('button', { type: 'button', title: WHAT_PHOTO, onclick: () => this.#openPhotos() }, 'A photo …');
    this.chips = make('div', { class: 'fl-co-parts' });
    this.rows = make('div', {});
    this.softness = createSlider({ name: 'softness', title: 'Softness', about: WHAT_SOFTNESS, min: 0, max: 1, step: 0.05, neutral: SOFTNESS, onDrag: (softness) => store.drag({ softness }), onSettle: (softness) => store.settle({ softness }) });
    this.note = make('p', { class: 'fl-co-note', hidden: true });
    const seedLine = make('label', { class: 'fl-co-line' }, make('span', { class: 'fl-co-name' }, 'Seed'), this.seed);
    const who = make('div', { class: 'fl-co-taking-who' }, this.photo.picture, this.picture, make('div', {}, seedLine, this.photo.told));
    const buttons = make('div', { class: 'fl-co-taking-buttons' }, this.another, this.photoButton, this.keptFaces);
    this.body = make('div', {}, who, buttons, this.chips, this.rows, this.softness.element);
    this.element = make('section', { class: 'fl-co-taking', 'aria-label': 'Take parts from' }, make('h3', {}, 'Take parts from'), this.note, this.body);
    this.#listKept();
    takeDrops(this.element, (file) => this.#openPhotos(file));
    store.listen(() => this.update());
  }

  /** @param {object} options as the server says what there is */
  setOptions(options) {
    this.#options = options;
    const { parts, has_codes: hasCodes } = options.take;
    this.note.textContent = options.missing.parts || (hasCodes ? '' : BLENDED);
    this.note.hidden = !this.note.textContent;
    this.body.hidden = !parts.length;
    this.softness.element.hidden = hasCodes;
    this.#chips = new Map(parts.map(({ name, title }) => [name, make('button', { type: 'button', 'data-part': name, onclick: () => this.#toggle(name) }, title)]));
    this.chips.replaceChildren(...this.#chips.values());
    this.#amounts = new Map(hasCodes ? parts.map((part) => [part.name, this.#createAmounts(part)]) : []);
    this.rows.replaceChildren(...[...this.#amounts.values()].map(({ element }) => element));
    this.#shownOf = '';
    this.update();
  }

  /** Photos that the face itself or a kept one starts from keep their frames. @param {Blob | null} file to upload at once */
  #openPhotos(file = null) {
    if (!this.#options?.take.parts.length || document.querySelector('dialog[open]')) return;
    const { host, api, store } = this;
    const { recipe } = store;
    const { generator } = this.#options;
    const onUse = (photo) => {
      this.photo.take(photo, generator);
      store.settle({ source: `photo:${photo.id}` });
    };
    const spared = [recipe, ...this.kept()].map((each) => each.photo);
    openPhotos({ host, api, generator, photo: photoOf(recipe.source), file, title: 'A photo to take parts from', spared, onUse, onDelete: this.onDelete });
  }

  #createAmounts({ name, title }) {
    const slider = (place, kind, about) => {
      const change = (amount) => withPart(this.store.recipe, name, this.store.recipe.take[name]?.with(place, amount));
      return createSlider({ name: `${name} ${kind}`, title: `${title}: ${kind}`, about, min: 0, max: 1, step: 0.05, neutral: 1, onDrag: (amount) => this.store.drag(change(amount)), onSettle: (amount) => this.store.settle(change(amount)) });
    };
    const [shape, texture] = [slider(0, 'shape', WHAT_SHAPE), slider(1, 'texture', WHAT_TEXTURE)];
    return { element: make('div', { hidden: true }, shape.element, texture.element), shape, texture };
  }

  /** The first part that is taken draws a face to take it from. */
  #toggle(name) {
    const { recipe } = this.store;
    const source = recipe.source || `seed:${drawnSeed()}`;
    this.store.settle({ ...withPart(recipe, name, recipe.take[name] ? null : undefined), source });
  }

  #seedTyped() {
    const seed = Number(this.seed.value);
    if (this.seed.value.trim() !== '' && Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED) this.store.settle({ source: `seed:${seed}` });
    this.update();
  }

  /** Faces of this generator, by what they start from: their sliders do not come along. */
  #listKept() {
    const faces = this.kept().filter(({ generator }) => !generator || generator === this.#options?.generator);
    const options = faces.map((recipe) => make('option', { value: recipe.photo ? `photo:${recipe.photo}` : `seed:${recipe.seed}` }, describe({ ...recipe, age: null, gender: null, directions: {}, take: {} })));
    this.keptFaces.replaceChildren(make('option', { value: '' }, 'A kept face …'), ...options);
    this.keptFaces.disabled = !faces.length;
  }

  update() {
    const { recipe } = this.store;
    if (!this.#options) return;
    const photo = photoOf(recipe.source);
    this.photo.show(photo, this.#options.generator);
    if (document.activeElement !== this.seed) this.seed.value = photo ? '' : recipe.source.replace('seed:', '');
    this.seed.parentElement.hidden = Boolean(photo);
    for (const [name, chip] of this.#chips) chip.setAttribute('aria-pressed', name in recipe.take);
    for (const [name, { element, shape, texture }] of this.#amounts) {
      element.hidden = !(name in recipe.take);
      shape.show(recipe.take[name]?.[0] ?? 1);
      texture.show(recipe.take[name]?.[1] ?? 1);
    }
    this.softness.show(recipe.softness);
    this.softness.setEnabled(Object.keys(recipe.take).length > 0);
    this.#showPicture(recipe);
  }

  /** Of a photo not before it is known how far that has come. */
  #showPicture({ source, psi, generator }) {
    const isKnown = source && (this.photo.version || !photoOf(source));
    const address = isKnown ? this.api.sourceUrl({ generator, source, psi }, this.photo.version) : '';
    if (address === this.#shownOf) return;
    this.#shownOf = address;
    this.picture.hidden = !address;
    if (address) this.picture.src = address;
    else this.picture.removeAttribute('src');
  }
}
