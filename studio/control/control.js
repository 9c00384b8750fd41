/**
 * The Control tab: what is asked of a face at the right, the face beside it. The recipe (store.js) is
 * all there is to keep; pictures are asked for by asker.js, so that the latest wish wins.
 */

import { Reach } from '../annotate/reach.js';
import { Strips } from '../annotate/strips.js';
import { make } from '../painter/panels/dom.js';
import { createActions } from './actions.js';
import { ControlApi } from './api.js';
import { Asker } from './asker.js';
import { createKept } from './kept.js';
import { listenToKeys } from './keys.js';
import { createLegend } from './legend.js';
import { Look } from './look.js';
import { OwnSliders } from './own/own.js';
import { Panel } from './panel.js';
import { createCompare } from './photo/compare.js';
import { PhotoPart } from './photo/part.js';
import { describe, isPlain, plainRecipe, toText } from './recipe.js';
import { readSight, Stage } from './stage.js';
import { Store } from './store.js';
import { Taking } from './taking/taking.js';
import { createTold } from './told.js';
import { createViewBar } from './viewbar.js';

class Control {
  sliders = new Map(); // name -> as the server describes it
  #isStarted = false;
  #generator = null; // whose options are shown
  #told = null; // of the face on screen
  #beforeOf = ''; // recipe that the picture of before belongs to
  #lines = []; // of the files that could not be used

  constructor(root, base) {
    this.root = root;
    this.api = new ControlApi(base);
    this.store = new Store();
    this.look = new Look();
    this.strips = new Strips();
    this.reach = new Reach({ me: () => this.api.options(this.store.recipe.generator) }, { onAway: () => this.told.away(), onBack: () => this.#back() });
    this.asker = new Asker(this.api, { onFrame: (frame, asked) => this.#take(frame, asked), onEnd: (asked) => this.#ended(asked), onTrouble: (error, asked) => this.#trouble(error, asked) });
    this.#build();
    this.store.listen((recipe, isSettled) => this.#changed(recipe, isSettled));
    this.look.listen(() => this.legend.show(this.stage.shown));
    this.#watchPage();
  }

  #build() {
    const { root, api, store, look, strips } = this;
    this.stage = new Stage(look);
    this.legend = createLegend(look);
    this.own = new OwnSliders({ api, strips, host: root, onChange: (name) => this.#slidersChanged(name) });
    this.compare = createCompare(this.stage.face);
    this.photo = new PhotoPart({ api, store, strips, host: root, compare: this.compare, onBetter: (isDone) => this.#photoGotBetter(isDone) });
    this.taking = new Taking({ api, store, host: root, kept: () => this.kept?.recipes() ?? [], onBetter: () => this.#photoGotBetter(true), onDelete: (id) => this.photo.deleted(id) });
    this.panel = new Panel(store, this.own, this.photo.element, this.taking);
    this.told = createTold({ onCancel: () => this.#cancel(), onGoOn: () => this.asker.face(store.recipe) });
    this.kept = createKept({ store, stage: this.stage, titles: () => this.sliders });
    const attempt = (act) => act().catch((error) => this.#say(error.message));
    const hold = (isHeld) => this.#holdBefore(isHeld);
    this.bar = createViewBar(look, hold);
    this.bar.element.append(this.compare.button);
    this.panel.element.append(createActions({ api, store, kept: this.kept, strips, host: root, attempt }));
    const view = make('div', { class: 'fl-co-view' }, this.stage.element, this.legend.element, strips.element);
    const main = make('div', { class: 'fl-co-main' }, this.bar.element, view, this.told.element, this.kept.element);
    root.classList.add('fl-control', 'fl-an-box');
    root.replaceChildren(main, this.panel.element);
    const commands = {
      n: () => this.panel.newPerson(),
      m: () => look.toggleMask(),
      k: () => this.kept.keep(),
      p: () => this.photo.open(),
      c: () => this.compare.toggle(),
      'Ctrl+z': () => store.undo(),
      'Ctrl+Shift+z': () => store.redo(),
      'Ctrl+y': () => store.redo(),
      Escape: () => this.#cancel(),
    };
    listenToKeys(root, commands, hold);
  }

  /** The tab starts when it is first seen. */
  #watchPage() {
    let isShown = false;
    new ResizeObserver(() => {
      if (isShown === Boolean(this.root.offsetParent)) return;
      isShown = !isShown;
      // Later, since the tab that goes takes its own place out of the address now.
      setTimeout(() => this.store.setShown(isShown));
      if (isShown && !this.#isStarted) this.#start();
    }).observe(this.root);
    window.addEventListener('hashchange', () => {
      if (this.store.follow()) document.querySelector('#tab-control-button')?.click();
    });
  }

  async #start() {
    this.#isStarted = true;
    this.told.step({ doing: 'getting ready' });
    try {
      await this.#learnOptions();
    } catch (error) {
      this.#isStarted = error.status !== 0;
      return this.#trouble(error, { kind: 'face' });
    }
    return this.asker.face(this.store.recipe);
  }

  async #learnOptions() {
    const options = await this.api.options(this.store.recipe.generator);
    this.#generator = options.generator;
    this.sliders = new Map(options.sliders.map((slider) => [slider.name, slider]));
    this.stage.setClasses(options.classes);
    this.legend.setClasses(options.classes);
    this.bar.setMasks(options.missing.masks);
    this.asker.sizes = options.preview_sizes;
    this.asker.limits = options.preview_ms;
    this.store.amend({ generator: options.generator, directions: this.#known(this.store.recipe) });
    this.own.setOptions(options);
    this.photo.setOptions(options);
    this.taking.setOptions(options);
    this.panel.setOptions(options);
    this.kept.redraw();
    for (const subject of this.#lines) this.strips.hide(subject);
    this.#lines = options.problems.map((problem, i) => `problem ${i}`);
    options.problems.forEach((problem, i) => this.strips.show(`problem ${i}`, problem, { Close: () => {} }, { tone: 'bad' }));
  }

  /** The amounts of the sliders that are there; that others are left out is said. */
  #known({ directions }) {
    const lost = Object.keys(directions).filter((name) => !this.sliders.has(name));
    if (!lost.length) return directions;
    this.strips.show('lost', `There are no sliders ${lost.join(', ')} here; they are left out.`, { Close: () => {} }, { tone: 'warn' });
    return Object.fromEntries(Object.entries(directions).filter(([name]) => this.sliders.has(name)));
  }

  /** Sliders came or went. @param {string | null} name of a new one */
  async #slidersChanged(name) {
    const before = toText(this.store.recipe);
    try {
      await this.#learnOptions();
    } catch (error) {
      return this.#trouble(error, { kind: 'face' });
    }
    this.legend.show(this.stage.shown);
    if (name) this.panel.point(name);
    return toText(this.store.recipe) === before ? undefined : this.asker.face(this.store.recipe);
  }

  #changed(recipe, isSettled) {
    if (!this.#isStarted) return;
    const isKnown = Object.keys(recipe.directions).every((name) => this.sliders.has(name));
    if (recipe.generator !== this.#generator || !isKnown) {
      this.#generator = recipe.generator; // a link, a step back or a kept face may name a slider that is new, or gone
      this.#start();
    } else if (this.reach.isAway) {
      this.told.away(); // it is asked for when the studio is back
    } else if (isSettled) {
      this.asker.face(recipe);
    } else {
      this.told.dragging();
      this.asker.preview(recipe);
    }
  }

  async #take(frame, asked) {
    const { facts } = frame;
    const isBefore = asked.kind === 'before';
    if (facts.kind === 'face') {
      const sight = await readSight(frame);
      if (isBefore) this.#setBefore(sight, asked.recipe);
      else this.#show(sight, asked, facts);
    }
    if (isBefore) return;
    if (facts.kind === 'step') this.told.step(facts);
    if (facts.kind === 'told') this.#told = facts.told;
    if (facts.kind === 'told') this.told.estimate(facts.told);
    if (facts.kind === 'stopped') this.told.stopped();
  }

  #show(sight, { recipe }, facts) {
    this.stage.show(sight);
    this.root.dataset.sequence = facts.sequence;
    this.root.dataset.shown = toText(recipe);
    this.root.dataset.final = Boolean(facts.is_final);
    this.stage.picture.setAttribute('aria-label', `The face: ${describe(recipe, this.sliders)}`);
    if (!this.stage.isBefore) this.legend.show(sight);
    if (isPlain(recipe) && facts.is_final) this.#setBefore(sight, recipe);
  }

  #setBefore(sight, recipe) {
    this.#beforeOf = toText(plainRecipe(recipe));
    this.stage.setBefore(sight);
    if (this.stage.isBefore) this.legend.show(sight);
  }

  /** Nothing is under way any more. */
  #ended({ kind, recipe }) {
    if (this.asker.isStopped) this.told.stopped();
    else if (kind === 'face' && !this.reach.isAway) this.#wantBefore(recipe);
  }

  #wantBefore(recipe) {
    const plain = plainRecipe(recipe);
    if (toText(plain) === this.#beforeOf) return;
    this.stage.setBefore(null);
    this.asker.before(plain);
  }

  /** The latents of the photo in sight changed. @param {boolean} isDone and will not again by themselves */
  #photoGotBetter(isDone) {
    if (!this.#isStarted || this.reach.isAway) return;
    this.#beforeOf = '';
    if (isDone) return this.asker.face(this.store.recipe);
    this.told.watching();
    return this.asker.preview(this.store.recipe);
  }

  #holdBefore(isHeld) {
    if (this.stage.isBefore === isHeld) return;
    if (isHeld) this.#wantBefore(this.store.recipe);
    this.stage.showBefore(isHeld);
    this.bar.showHeld(isHeld);
    this.legend.show(this.stage.shown);
  }

  #cancel() {
    this.asker.stop();
  }

  /** No answer is a matter of its own; it is asked again until there is one. */
  #trouble(error, { kind }) {
    if (!error) return;
    if (error.status === 0) this.reach.lost();
    else if (kind !== 'before') this.told.trouble(error.message);
  }

  #back() {
    if (this.#isStarted) this.asker.face(this.store.recipe);
    else this.#start();
  }

  #say(text) {
    this.strips.show('trouble', text, { Close: () => {} }, { tone: 'bad' });
  }
}

/**
 * @param {HTMLElement} place an empty element of the page
 * @param {{base: string}} options address of the page, ends with '/'
 * @returns {Control} it is the property `control` of its element, too
 */
export function createControl(place, { base }) {
  place.control = new Control(place, base);
  return place.control;
}
