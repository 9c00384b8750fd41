/**
 * The Export tab: a recipe at the right; a sample of what it will give, and all exports, beside it.
 * The recipe (store.js) is all that is kept here; exports live in the studio, whatever the page does.
 */

import { Reach } from '../annotate/reach.js';
import { Strips } from '../annotate/strips.js';
import { listenToKeys } from '../control/keys.js';
import { make } from '../painter/panels/dom.js';
import { ExportApi } from './api.js';
import { tellEstimate } from './estimate.js';
import { ExportList } from './list.js';
import { Panel } from './panel.js';
import { Sampler } from './sampler.js';
import { Sheet } from './sheet.js';
import { Store, takeSent } from './store.js';

class Export {
  #isStarted = false;
  #isShown = false;
  #generator = null; // whose options are shown

  constructor(root, base) {
    this.root = root;
    this.api = new ExportApi(base);
    this.strips = new Strips();
    this.reach = new Reach({ me: () => this.api.list() }, { onAway: () => this.#away(), onBack: () => this.#back() });
    this.store = new Store(this.api, (error) => this.#trouble(error));
    this.sheet = new Sheet();
    this.sampler = new Sampler(this.api, { onBegin: () => this.#beginSample(), onFrame: (frame) => this.#take(frame), onEnd: () => this.sheet.pause(), onTrouble: (error) => this.#sampleFailed(error) });
    this.list = new ExportList(this.api, { host: root, trouble: (error) => this.#trouble(error), clear: () => this.strips.hide('trouble'), recipe: (text) => this.#read(text) });
    this.panel = new Panel(this.store, { onStart: () => this.start(), onFile: (text) => this.#read(text) });
    const main = make('div', { class: 'fl-ex-main' }, make('div', { class: 'fl-ex-scroll' }, this.sheet.element, this.list.element), this.strips.element);
    root.classList.add('fl-export', 'fl-an-box');
    root.replaceChildren(main, this.panel.element);
    this.store.listen(() => this.#changed());
    listenToKeys(root, { m: () => this.sheet.nextMode() });
    root.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.start();
    });
    this.#watchPage();
  }

  /** The tab starts when it is first seen; a sample is made only while it is. */
  #watchPage() {
    new ResizeObserver(() => {
      if (this.#isShown === Boolean(this.root.offsetParent)) return;
      this.#isShown = !this.#isShown;
      this.list.setShown(this.#isShown);
      if (!this.#isShown) this.sampler.stop();
      else if (this.#isStarted) this.#learn(this.#generator).then(() => this.#followSent()); // projects may have come
      else this.#begin();
    }).observe(this.root);
  }

  async #begin() {
    this.#isStarted = true;
    try {
      const options = await this.api.options();
      this.#setOptions(options);
      this.store.start(options);
    } catch (error) {
      this.#isStarted = false;
      return this.#trouble(error);
    }
    return this.#followSent();
  }

  #setOptions(options) {
    this.#generator = options.generator;
    this.panel.setOptions(options);
  }

  /** A recipe that the Control tab left here. */
  #followSent() {
    const text = takeSent();
    if (text) return this.#read(text);
    return this.#changed();
  }

  async #read(text) {
    const { recipe, problem, notes } = await this.store.read(text).catch(() => ({}));
    if (recipe) this.strips.hide('trouble');
    if (!recipe && problem) this.#say(problem.message);
    else if (notes?.length) this.strips.show('notes', notes.join(' '), { Close: () => {} });
  }

  #changed() {
    const { recipe, problem, isLooking, text } = this.store;
    if (!recipe || isLooking) return;
    if (recipe.generator && recipe.generator !== this.#generator) this.#learn(recipe.generator);
    if (problem || !this.#isShown || this.reach.isAway) {
      this.sampler.stop();
      this.#estimate(null);
      if (problem) this.sheet.say('The recipe needs a change before there is a sample.');
    } else this.sampler.want(recipe, text);
  }

  async #learn(generator) {
    this.#generator = generator; // at once, so that it is asked for once
    try {
      this.#setOptions(await this.api.options(generator));
      this.panel.update();
    } catch (error) {
      this.#trouble(error);
    }
  }

  #beginSample() {
    this.sheet.begin();
    this.#estimate(null);
    this.root.dataset.sample = 'making';
  }

  #take(frame) {
    const { facts } = frame;
    if (facts.kind === 'step') this.sheet.step(facts);
    if (facts.kind === 'face') this.sheet.add(frame);
    if (facts.kind !== 'estimate') return;
    this.sheet.finish();
    this.sheet.say('Faces that the export will hold, from all over it');
    this.#estimate(facts);
    this.root.dataset.sample = 'made';
  }

  #sampleFailed(error) {
    if (error.status === 0) this.reach.lost();
    else this.sheet.say(error.message, true);
  }

  #estimate(facts) {
    const { text, about, isWarning } = facts ? tellEstimate(facts, this.store.recipe) : { text: '', about: '', isWarning: false };
    Object.assign(this.panel.estimate, { textContent: text, title: about });
    this.panel.estimate.classList.toggle('fl-ex-warning', isWarning);
  }

  /** One click from recipe to dataset. */
  async start() {
    const { store, panel } = this;
    if (panel.startButton.disabled) return;
    panel.startButton.disabled = true;
    try {
      await store.settled();
      if (store.problem) return panel.pointAtProblem();
      const { name } = await this.api.start(store.recipe, panel.engine);
      this.strips.hide('trouble');
      await this.list.point(name);
    } catch (error) {
      this.#trouble(error);
    } finally {
      panel.startButton.disabled = false;
    }
    return undefined;
  }

  #trouble(error) {
    if (error.status === 0) this.reach.lost();
    else this.#say(error.message);
  }

  #away() {
    this.sampler.stop();
    this.strips.show('away', 'The studio does not answer. Exports that are running go on; this page waits for it.', {}, { tone: 'warn' });
  }

  #back() {
    this.strips.hide('away');
    if (this.#isShown) this.list.look();
    if (!this.#isStarted) this.#begin();
    else this.#changed();
  }

  #say(text) {
    this.strips.show('trouble', text, { Close: () => {} }, { tone: 'bad' });
  }
}

/**
 * @param {HTMLElement} place an empty element of the page
 * @param {{base: string}} options address of the page, ends with '/'
 * @returns {Export} it is the property `app` of its element, too
 */
export function createExport(place, { base }) {
  place.app = new Export(place, base);
  return place.app;
}
