/** A dozen faces of what the recipe will give; the old ones stay until new ones are there. */

import { make } from '../painter/panels/dom.js';

const MODES = { off: 'Faces', over: 'Over', mask: 'Masks' };
const KEY = 'faceloom.export.mode';
const PLACES = 12;

export class Sheet {
  #tiles = []; // {element, addresses}
  #waiting = []; // of the sample that is being made
  #mode = localStorage.getItem(KEY) ?? 'over';

  constructor() {
    this.says = make('span', { class: 'fl-ex-says', role: 'status' });
    this.bar = make('progress', { hidden: true, max: PLACES, 'aria-label': 'Sample' });
    this.buttons = Object.entries(MODES).map(([mode, title]) => make('button', { type: 'button', 'data-mode': mode, title: `${title} (M goes on)`, onclick: () => this.setMode(mode) }, title));
    const group = make('div', { class: 'fl-an-live-group', role: 'group', 'aria-label': 'What is shown of the sample' }, ...this.buttons);
    this.grid = make('ol', { class: 'fl-ex-grid', 'aria-label': 'Sample' });
    this.none = make('p', { class: 'fl-ex-none' }, 'A dozen faces of this recipe will be shown here.');
    this.element = make('section', { class: 'fl-ex-sample', 'aria-label': 'Sample' }, make('div', { class: 'fl-ex-head' }, make('h2', {}, 'Sample'), this.says, this.bar, make('span', { class: 'fl-an-space' }), group), this.none, this.grid);
    this.setMode(this.#mode in MODES ? this.#mode : 'over');
  }

  setMode(mode) {
    this.#mode = mode;
    localStorage.setItem(KEY, mode);
    this.grid.dataset.mode = mode;
    for (const button of this.buttons) button.setAttribute('aria-pressed', button.dataset.mode === mode);
  }

  nextMode() {
    const modes = Object.keys(MODES);
    this.setMode(modes[(modes.indexOf(this.#mode) + 1) % modes.length]);
  }

  begin() {
    this.pause();
    this.grid.classList.add('fl-ex-old');
    this.say('Getting ready …');
  }

  step({ done, total, doing }) {
    this.bar.hidden = !total;
    if (total) [this.bar.max, this.bar.value] = [total, done];
    this.say(total ? `${done} of ${total}` : `${doing.charAt(0).toUpperCase()}${doing.slice(1)} …`);
  }

  /** Each takes the place of an old one at once. @param {object} frame of kind 'face' */
  add({ facts, picture, labels }) {
    const tile = createTile(facts, picture, labels);
    const old = this.#tiles[this.#waiting.length];
    tile.element.classList.add('fl-ex-new');
    this.#waiting.push(tile);
    this.none.hidden = true;
    if (old) old.element.replaceWith(tile.element);
    else this.grid.append(tile.element);
  }

  /** All are there. */
  finish() {
    const isWhole = this.#waiting.length > 0;
    if (isWhole) {
      const over = this.#tiles.slice(this.#waiting.length);
      for (const { element } of over) element.remove();
      this.#drop(this.#tiles);
      this.#tiles = this.#waiting;
      this.#waiting = [];
    }
    for (const { element } of this.#tiles) element.classList.remove('fl-ex-new');
    this.grid.classList.remove('fl-ex-old');
    this.bar.hidden = true;
  }

  /** Broken off: what has come stays in its place. */
  pause() {
    for (const [i, tile] of this.#waiting.entries()) {
      this.#drop(this.#tiles.slice(i, i + 1));
      this.#tiles[i] = tile;
    }
    this.#waiting = [];
    this.bar.hidden = true;
  }

  say(text, isBad = false) {
    this.says.textContent = text;
    this.says.classList.toggle('fl-ex-bad', isBad);
  }

  get count() {
    return this.#tiles.length;
  }

  #drop(tiles) {
    for (const { addresses } of tiles) addresses.forEach((address) => URL.revokeObjectURL(address));
  }
}

function createTile(facts, picture, labels) {
  const addresses = [['image/jpeg', picture], ['image/png', labels]].map(([type, bytes]) => URL.createObjectURL(new Blob([bytes], { type })));
  const told = describe(facts);
  const images = addresses.map((src, i) => make('img', { src, alt: i ? '' : told, class: i ? 'fl-ex-mask' : 'fl-ex-face', draggable: 'false' }));
  const { faults } = facts;
  const element = make('li', { title: told, class: faults ? 'fl-ex-faulty' : null }, make('div', { class: 'fl-ex-picture' }, ...images), make('p', {}, caption(facts)));
  return { element, addresses };
}

function caption({ measured, asked, faults, painted_by: painter }) {
  if (painter) return `Painted by ${painter}`;
  if (faults) return faults[0];
  const age = measured?.age ?? null;
  if (age === null) return '';
  const gender = measured.male === undefined ? '' : measured.male > 0.5 ? ', male' : ', female';
  return `${Math.round(age)} y${gender}${asked?.age ? ` (asked ${Math.round(asked.age)})` : ''}`;
}

function describe({ identity, variant, seed, attempt, measured, quality, faults, painted_by: painter }) {
  const who = `Person ${identity + 1}${variant ? `, picture ${variant + 1}` : ''}`;
  const lines = [[who, seed !== null && `seed ${seed}`, painter && `painted by ${painter}`].filter(Boolean).join(', ')];
  if (attempt) lines.push(`Try ${attempt + 1}`);
  if (measured?.age !== undefined) lines.push(`Measured: ${measured.age.toFixed(1)} years, ${measured.male > 0.5 ? 'male' : 'female'}`);
  if (quality && quality.artifact !== null) lines.push(`Artifact score ${quality.artifact.toFixed(0)}${quality.uncertainty === null ? '' : `, uncertainty ${quality.uncertainty.toFixed(2)}`}`);
  if (faults) lines.push(`Would be tried again: ${faults.join(', ')}`);
  return lines.join('\n');
}
