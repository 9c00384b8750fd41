/** The right side: the recipe as a form or as YAML, and the button that starts. */

import { make } from '../painter/panels/dom.js';
import { line, select } from './fields.js';
import { createFacesPart, createFilesPart, createFilterPart, createPeoplePart, createVariantsPart } from './parts.js';
import { wayOf } from './source.js';
import { count } from './words.js';
import { createYaml } from './yaml.js';

const ENGINES = { local: 'This studio', ray: 'A Ray cluster' };

export class Panel {
  /**
   * @param {import('./store.js').Store} store
   * @param {{onStart: () => void, onFile: (text: string) => void}} on
   */
  constructor(store, { onStart, onFile }) {
    Object.assign(this, { store });
    const [people, variants, filter] = [createPeoplePart(store), createVariantsPart(store), createFilterPart(store)];
    this.parts = [createFacesPart(store), people, createFilesPart(store), variants, filter];
    this.ofGenerated = [people, variants, filter]; // painted faces are as they are
    this.form = make('div', { class: 'fl-ex-form' }, ...this.parts.map(({ element }) => element));
    this.yaml = createYaml(store, { onFile });
    this.rest = make('p', { class: 'fl-ex-complaint', role: 'alert', hidden: true }); // what belongs to no field
    this.engines = select(Object.entries(ENGINES), () => {});
    this.enginesLine = line('Made by', this.engines, { about: 'A Ray cluster: the one that RAY_ADDRESS of the studio names, else one of this machine alone' });
    this.enginesLine.hidden = true; // until Ray is known to be there
    this.estimate = make('p', { class: 'fl-ex-estimate', role: 'status' });
    this.startButton = make('button', { type: 'button', class: 'fl-an-primary fl-ex-start', title: 'Start the export (Ctrl+Enter)', 'aria-keyshortcuts': 'Control+Enter', onclick: onStart }, 'Export');
    this.element = make('aside', { class: 'fl-ex-panel', 'aria-label': 'Recipe' }, this.#createTop(), this.form, this.yaml.element, make('div', { class: 'fl-ex-foot' }, this.enginesLine, this.rest, this.estimate, this.startButton));
    store.listen(() => this.update());
    this.#showForm(true);
  }

  #createTop() {
    const { store } = this;
    const way = (isForm, title) => make('button', { type: 'button', onclick: () => this.#showForm(isForm) }, title);
    this.formButton = way(true, 'Form');
    this.yamlButton = way(false, 'YAML');
    const group = make('div', { class: 'fl-an-live-group', role: 'group', 'aria-label': 'How the recipe is shown' }, this.formButton, this.yamlButton);
    const reset = make('button', { type: 'button', title: 'Everything as at first', onclick: () => store.reset() }, 'Reset');
    return make('div', { class: 'fl-ex-top' }, group, make('span', { class: 'fl-an-space' }), ...this.yaml.buttons, reset);
  }

  #showForm(isForm) {
    this.isForm = isForm;
    this.form.hidden = !isForm;
    this.yaml.element.hidden = isForm;
    this.formButton.setAttribute('aria-pressed', isForm);
    this.yamlButton.setAttribute('aria-pressed', !isForm);
    this.update();
  }

  setOptions(options) {
    for (const each of this.parts) each.setOptions?.(options);
    this.enginesLine.hidden = options.engines.length < 2;
  }

  /** Who makes the faces. @returns {'local' | 'ray'} */
  get engine() {
    return this.enginesLine.hidden ? 'local' : this.engines.value;
  }

  update() {
    const { store } = this;
    if (!store.recipe) return;
    for (const each of this.parts) each.show();
    for (const each of this.ofGenerated) each.element.hidden = wayOf(store.recipe) === 'painted';
    this.yaml.show();
    this.#complain();
    this.startButton.textContent = `Export${this.#howMany()}`;
  }

  #howMany() {
    const { recipe, promised } = this.store;
    const faces = recipe.project ? Object.values(promised?.splits ?? {}).reduce((all, some) => all + some, 0) : recipe.count;
    return Number.isInteger(faces) && faces > 0 ? ` ${count(faces, 'face')}` : '';
  }

  /** What is wrong is said at its field; while only YAML is seen, there; else above the button. */
  #complain() {
    const { problem } = this.store;
    const at = problem && this.form.querySelector(`[data-key="${problem.key}"]`);
    for (const each of this.form.querySelectorAll('[data-key]')) each.complain(each === at ? problem.message : '');
    if (at) for (let parent = at.closest('details'); parent; parent = parent.parentElement.closest('details')) parent.open = true;
    const isElsewhere = problem && (!at || !this.isForm);
    this.rest.textContent = isElsewhere ? problem.message : '';
    this.rest.hidden = !isElsewhere;
  }

  /** Brings what is wrong into sight. */
  pointAtProblem() {
    if (!this.isForm) return this.rest.scrollIntoView({ block: 'nearest' });
    const wrong = this.form.querySelector('.fl-ex-wrong');
    wrong?.scrollIntoView({ block: 'center' });
    return wrong?.querySelector('input, select')?.focus({ preventScroll: true });
  }
}

