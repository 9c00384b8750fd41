/** The right side: who it is, age and gender, the sliders, and what is kept. */

import { icon, make } from '../painter/panels/dom.js';
import { GENDERS, isSame, plainRecipe, withDirection } from './recipe.js';
import { createSlider } from './slider.js';
import { drawnSeed } from './store.js';

const AGES = [1, 80]; // what the estimator can tell apart
const FIRST_AGE = 35; // where the slider stands while the age is as drawn
const TUNED = /^photo-[0-9a-f]{16}-\d+$/; // names of generators that learned a photo
const FIRST_PSI = 0.7; // of drawn faces; those of photos are as they are
const MAX_SEED = 2 ** 32 - 1;
const FURTHEST = 20; // units of a slider that can be typed
const GROUP_NAMES = { person: 'Person', expression: 'Expression', pose: 'Pose', hair: 'Hair', accessories: 'Accessories', light: 'Light', own: 'Your own sliders' };
const WHAT_AGE = 'In years. The picture is measured and corrected until the estimator says so.';
const WHAT_MIXING = 'How much of the average face of that age and gender is mixed in: more certain, and more alike.';
const WHAT_PSI = 'How far from the average face: 0 is the average, 1 as learned.';

const OWN = 'own';

export class Panel {
  #rows = new Map(); // slider name -> row
  #locks = new Map();
  #counts = new Map(); // group -> element that tells how many are moved
  #groupOf = new Map();

  /**
   * @param {import('./store.js').Store} store
   * @param {import('./own/own.js').OwnSliders} own
   * @param {HTMLElement} photo what there is to say and do about a photo
   * @param {import('./taking/taking.js').Taking} taking
   */
  constructor(store, own, photo, taking) {
    Object.assign(this, { store, own, photo, taking });
    this.sections = make('div', { class: 'fl-co-sections' });
    this.element = make('aside', { class: 'fl-co-panel', 'aria-label': 'What is asked of the face' }, this.#createTop(), this.sections);
    this.#createWho();
    this.#createAge();
    store.listen(() => this.update());
  }

  newPerson() {
    const { photo, psi } = this.store.recipe;
    this.store.settle({ seed: drawnSeed(), photo: '', psi: photo ? FIRST_PSI : psi });
  }

  reset() {
    this.store.settle(plainRecipe(this.store.recipe));
  }

  #createTop() {
    const { store } = this;
    const button = (drawing, label, keys, act) => make('button', { type: 'button', title: `${label} (${keys})`, 'aria-label': label, 'aria-keyshortcuts': keys.replace('Ctrl', 'Control'), onclick: act }, icon(drawing));
    this.undo = button('undo', 'Undo', 'Ctrl+Z', () => store.undo());
    this.redo = button('redo', 'Redo', 'Shift+Ctrl+Z', () => store.redo());
    this.resetButton = make('button', { type: 'button', title: 'The face as it was drawn', onclick: () => this.reset() }, 'Reset');
    this.newButton = make('button', { type: 'button', class: 'fl-an-primary', title: 'Another seed, the same settings (N)', 'aria-keyshortcuts': 'n', onclick: () => this.newPerson() }, 'New person');
    return make('div', { class: 'fl-co-top' }, this.newButton, make('span', { class: 'fl-an-space' }), this.undo, this.redo, this.resetButton);
  }

  #createWho() {
    const { store } = this;
    this.seed = make('input', { type: 'number', class: 'fl-co-seed', min: 0, max: MAX_SEED, step: 1, 'aria-label': 'Seed' });
    this.seed.addEventListener('change', () => {
      const seed = Number(this.seed.value);
      if (this.seed.value.trim() !== '' && Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED) store.settle({ seed });
      this.update();
    });
    this.generator = make('select', { 'aria-label': 'Generator' });
    this.generator.addEventListener('change', () => store.settle({ generator: this.generator.value }));
    this.generatorLine = make('label', { class: 'fl-co-line', hidden: true }, make('span', { class: 'fl-co-name' }, 'Generator'), this.generator);
    this.psi = createSlider({ name: 'psi', title: 'psi', about: WHAT_PSI, min: 0, max: 1.2, step: 0.01, neutral: FIRST_PSI, safe: null, limits: [-2, 2], onDrag: (psi) => store.drag({ psi }), onSettle: (psi) => store.settle({ psi }), onReset: () => store.settle({ psi: store.recipe.photo ? 1 : FIRST_PSI }) });
    this.seedLine = make('label', { class: 'fl-co-line' }, make('span', { class: 'fl-co-name' }, 'Seed'), this.seed);
    this.who = make('section', { 'aria-label': 'Who' }, this.generatorLine, this.seedLine, this.photo, this.psi.element);
  }

  #createAge() {
    const { store } = this;
    this.age = createSlider({ name: 'age', title: 'Age', about: WHAT_AGE, min: AGES[0], max: AGES[1], step: 1, neutral: FIRST_AGE, unit: 'years', onDrag: (age) => store.drag({ age }), onSettle: (age) => store.settle({ age }), onReset: () => store.settle({ age: null }) });
    this.ageAsDrawn = make('input', { type: 'checkbox' });
    this.ageAsDrawn.addEventListener('change', () => store.settle({ age: this.ageAsDrawn.checked ? null : Number(this.age.element.querySelector('input').value) }));
    this.genders = [null, ...GENDERS].map((gender) => {
      const input = make('input', { type: 'radio', name: 'fl-co-gender', value: gender ?? '' });
      input.addEventListener('change', () => store.settle({ gender }));
      return { gender, input, label: make('label', {}, input, make('span', {}, capital(gender ?? 'as drawn'))) };
    });
    this.mixing = createSlider({ name: 'mixing', title: 'Average face', about: WHAT_MIXING, min: 0, max: 1, step: 0.05, neutral: 0, onDrag: (mixing) => store.drag({ mixing }), onSettle: (mixing) => store.settle({ mixing }) });
    const group = make('div', { class: 'fl-co-genders', role: 'radiogroup', 'aria-label': 'Gender' }, ...this.genders.map(({ label }) => label));
    this.ageNote = make('p', { class: 'fl-co-note', hidden: true });
    this.agePart = make('div', {}, make('label', { class: 'fl-co-check' }, this.ageAsDrawn, 'Age as drawn'), this.age.element, make('div', { class: 'fl-co-line' }, make('span', { class: 'fl-co-name' }, 'Gender'), group), this.mixing.element);
    this.ageSection = make('section', { 'aria-label': 'Age and gender' }, make('h3', {}, 'Age and gender'), this.ageNote, this.agePart);
  }

  /** @param {object} options as the server says what there is */
  setOptions(options) {
    this.options = options;
    this.#rows.clear();
    this.#locks.clear();
    this.#counts.clear();
    this.generator.replaceChildren(...options.generators.map((name) => make('option', { value: name }, TUNED.test(name) ? `Tuned to photo ${name.slice(6, 10)}` : name)));
    this.generatorLine.hidden = options.generators.length < 2;
    const { control, sliders } = options.missing;
    tell(this.ageNote, control);
    this.agePart.hidden = Boolean(control);
    const groups = options.groups.map((group) => this.#createGroup(group)).filter(Boolean);
    const none = make('p', { class: 'fl-co-note', hidden: true });
    tell(none, sliders);
    const empty = sliders ? [make('section', { 'aria-label': 'Sliders' }, make('h3', {}, 'Sliders'), none)] : [];
    this.sections.replaceChildren(this.who, this.ageSection, ...empty, ...groups, this.taking.element, this.#createLocks(options.locks));
    this.update();
  }

  /** Age and gender have controls of their own, where they can be asked for. */
  #isOffered({ attribute }) {
    return this.options.missing.control !== '' || !['age', 'male'].includes(attribute);
  }

  #createGroup(group) {
    const sliders = this.options.sliders.filter((slider) => slider.group === group && this.#isOffered(slider));
    if (!sliders.length && group !== OWN) return null;
    const rows = sliders.map((slider) => {
      this.#groupOf.set(slider.name, group);
      return this.#createRow(slider);
    });
    const count = make('small', {});
    this.#counts.set(group, count);
    return make('details', { class: 'fl-co-group', open: !isFolded(group), ontoggle: (event) => fold(group, !event.target.open) }, make('summary', {}, make('h3', {}, GROUP_NAMES[group] ?? group), count), ...rows, ...(group === OWN ? [this.own.element] : []));
  }

  #createRow(slider) {
    const { store } = this;
    const { name, title, safe, about, group } = slider;
    const [min, max] = [Math.min(-1, Math.floor(1.5 * safe[0])), Math.max(1, Math.ceil(1.5 * safe[1]))];
    const change = (amount) => ({ directions: withDirection(store.recipe, name, amount).directions });
    const row = createSlider({ name, title, about, min, max, step: 0.1, neutral: 0, safe, limits: [-FURTHEST, FURTHEST], onDrag: (amount) => store.drag(change(amount)), onSettle: (amount) => store.settle(change(amount)) });
    this.#rows.set(name, row);
    if (group === OWN) row.element.append(this.own.createMenu(slider));
    return row.element;
  }

  #createLocks(locks) {
    const chips = locks.map(({ name, title, about }) => {
      const chip = make('button', { type: 'button', title: `${about} stay while other things change`, 'data-lock': name, onclick: () => this.#toggleLock(name) }, icon('lock'), title);
      this.#locks.set(name, chip);
      return chip;
    });
    return make('section', { class: 'fl-co-locks', 'aria-label': 'Keep' }, make('h3', {}, 'Keep'), make('div', {}, ...chips));
  }

  #toggleLock(name) {
    const { keep } = this.store.recipe;
    this.store.settle({ keep: keep.includes(name) ? keep.filter((each) => each !== name) : [...keep, name] });
  }

  /** A slider that is new, brought into sight. */
  point(name) {
    const range = this.#rows.get(name)?.element.querySelector('input');
    const group = range?.closest('details');
    if (group) group.open = true;
    range?.scrollIntoView({ block: 'nearest' });
    range?.focus({ preventScroll: true });
  }

  update() {
    const { store } = this;
    const { recipe } = store;
    this.undo.disabled = !store.canUndo;
    this.redo.disabled = !store.canRedo;
    this.resetButton.disabled = isSame(recipe, plainRecipe(recipe));
    this.seedLine.hidden = Boolean(recipe.photo);
    if (document.activeElement !== this.seed) this.seed.value = recipe.seed;
    this.generator.value = recipe.generator;
    this.psi.show(recipe.psi);
    this.age.show(recipe.age ?? Number(this.age.element.querySelector('input').value), recipe.age !== null);
    this.ageAsDrawn.checked = recipe.age === null;
    for (const { gender, input } of this.genders) input.checked = gender === recipe.gender;
    this.mixing.show(recipe.mixing);
    this.mixing.setEnabled(recipe.age !== null || recipe.gender !== null);
    for (const [name, row] of this.#rows) row.show(recipe.directions[name] ?? 0);
    for (const [name, chip] of this.#locks) chip.setAttribute('aria-pressed', recipe.keep.includes(name));
    for (const [group, count] of this.#counts) {
      const moved = Object.keys(recipe.directions).filter((name) => this.#groupOf.get(name) === group).length;
      count.textContent = moved ? `${moved} moved` : '';
    }
  }
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A text whose last part, after a colon, is a command. */
function tell(element, text) {
  const [said, command] = text.split(/: (?=python )/);
  element.replaceChildren(said, ...(command ? [': ', make('code', {}, command)] : []));
  element.hidden = !text;
}

const FOLDED = 'faceloom.control.folded';

function folded() {
  try {
    return new Set(JSON.parse(localStorage.getItem(FOLDED)) ?? []);
  } catch {
    return new Set();
  }
}

const isFolded = (group) => folded().has(group);

function fold(group, isClosed) {
  const all = folded();
  if (isClosed) all.add(group);
  else all.delete(group);
  try {
    localStorage.setItem(FOLDED, JSON.stringify([...all]));
  } catch {
    // It lasts until the page is closed.
  }
}
