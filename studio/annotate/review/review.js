/**
 * Review of a face: its history, two of its masks side by side, accept, reject, restore.
 * Takes the painter's place in the tab.
 */

import { make } from '../../painter/panels/dom.js';
import { Picture } from '../../painter/picture.js';
import { compare } from './compare.js';
import { Look } from './compare_look.js';
import { Panes, SIDES } from './compare_panes.js';
import { Actions } from './actions.js';
import { createBar, createPointerLine, swapFront } from './bar.js';
import { History } from './history.js';
import { ACTION_KEYS } from './keys.js';
import { Legend } from './legend.js';
import { Masks } from './masks.js';
import { Requests } from './requests.js';
import { bestToCompare, inForce } from './tree.js';
import { whenText } from './words.js';

const STORAGE_KEY = 'faceloom.review';
const OPACITY_STEP = 0.1;
const WIDE = 1380; // CSS pixels from which the classes have a column of their own

/**
 * @param {object} parts
 * @param {import('../api.js').Api} parts.api
 * @param {(face: object, revision: object) => void | Promise<void>} parts.onDecided after accept or reject;
 *   the face as it is now. The review stays busy until a promise is kept: whoever goes on to another face
 *   returns one for when it is there.
 * @param {(face: object, result: object) => void} parts.onRestored
 * @param {(message: string) => void} [parts.onTrouble] also told what the review itself says in red
 */
export function createReview(parts) {
  const review = new Review(parts);
  return {
    element: review.element,
    show: (face, scheme) => review.show(face, scheme),
    clear: () => review.clear(),
    keys: (event) => review.keys(event),
  };
}

class Review {
  #face = null;
  #scheme = null;
  #revisions = [];
  #chosen = null;
  #problem = ''; // why the chosen mask cannot be shown
  #shown = { chosen: null, force: null, comparison: null };
  masks = null; // of the face that is open; null while it is being loaded
  #turn = 0; // what was asked for before the latest turn comes too late

  constructor({ api, onDecided, onRestored, onTrouble = () => {} }) {
    Object.assign(this, { api, onTrouble });
    this.look = new Look(STORAGE_KEY);
    this.history = new History((revision) => this.#choose(revision));
    this.legend = new Legend(this.look);
    this.panes = new Panes(this.look, (point) => this.#showPointer(point));
    this.bar = createBar(this.look, { fit: () => this.panes.fit(), zoomToChanges: () => this.#zoomToChanges() });
    this.pointer = createPointerLine(this.panes.view);
    this.actions = new Actions({
      decide: (isAccepted, comment) => this.requests.decide(this.#face, this.#current, isAccepted, comment),
      restore: () => this.requests.restore(this.#face, this.#chosen, this.#current),
    });
    this.requests = new Requests({
      api,
      actions: this.actions,
      onDecided,
      onRestored,
      reload: (face) => this.#reload(face),
      add: (face, revision) => this.#addIfOpen(face, revision),
      say: (face, text, isBad) => this.#sayOf(face, text, isBad),
    });
    const middle = make('div', { class: 'fl-review-middle' }, this.bar.element, this.panes.element, this.pointer.element, this.actions.element);
    const grid = make('div', { class: 'fl-review-grid' }, this.history.element, middle, this.legend.element);
    this.element = make('section', { class: 'fl-review', 'aria-label': 'Review' }, grid);
    this.#watch();
  }

  #watch() {
    this.look.watch((names) => {
      const isOther = names.includes('isSingle') || names.includes('front');
      if (isOther || names.includes('isChangesOnly')) this.#showFigures();
      if (isOther) this.#showActions();
    });
    const release = () => this.look.set({ isPeeking: false });
    document.addEventListener('keyup', (event) => event.key.toLowerCase() === 'd' && release());
    window.addEventListener('blur', release);
    new ResizeObserver(([{ contentRect }]) => this.element.classList.toggle('fl-wide', contentRect.width >= WIDE)).observe(this.element);
  }

  /**
   * Shows a face's history; again for the same face: what is new in it.
   * @param {object} face @param {object} scheme
   */
  async show(face, scheme) {
    const turn = ++this.#turn;
    const isSame = this.#face?.id === face.id && this.masks !== null;
    if (!isSame) this.#empty();
    this.#face = face;
    this.#scheme = scheme;
    this.#showActions();
    this.element.setAttribute('aria-busy', 'true');
    try {
      const loading = isSame ? null : Picture.load(this.api.url(face.picture), face.width, face.height);
      const [picture, revisions] = await Promise.all([loading, this.api.revisions(face.id)]);
      if (turn !== this.#turn) return;
      if (picture) this.#open(picture);
      await this.#take(revisions);
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
    } finally {
      if (turn === this.#turn) this.element.removeAttribute('aria-busy');
    }
  }

  clear() {
    this.#turn++;
    this.#empty();
    this.#showActions();
  }

  #empty() {
    this.#face = this.#scheme = this.#chosen = null;
    this.#revisions = [];
    this.#shown = { chosen: null, force: null, comparison: null };
    this.masks = null;
    this.#problem = '';
    this.panes.clear();
    this.history.clear();
    this.legend.clear();
    this.actions.reset();
    this.bar.show(null);
    this.#showPointer(null);
  }

  #open(picture) {
    this.masks = new Masks(this.api, this.#face);
    this.look.set({ front: 'force', isPeeking: false });
    this.panes.open(picture, this.#scheme);
  }

  get #current() {
    return inForce(this.#revisions);
  }

  /** New in the history; the choice stays, if there was one. */
  async #take(revisions) {
    this.#revisions = revisions;
    this.history.show(revisions);
    const kept = revisions.find(({ id }) => id === this.#chosen?.id);
    await this.#choose(kept ?? bestToCompare(revisions), { isAsked: false });
  }

  async #choose(revision, { isAsked = true } = {}) {
    const turn = ++this.#turn;
    this.#chosen = revision;
    if (isAsked) this.look.set({ front: revision?.id === this.#current?.id ? 'force' : 'chosen' });
    this.history.mark(revision);
    const [chosen, force] = await Promise.all([this.#mask(revision), this.#mask(this.#current)]);
    if (turn !== this.#turn) return;
    this.element.removeAttribute('aria-busy');
    this.#problem = chosen.problem;
    const comparison = chosen.mask && force.mask && revision.id !== this.#current.id ? compare(chosen.mask, force.mask) : null;
    this.#shown = { chosen: chosen.mask, force: force.mask, comparison };
    this.panes.show(chosen.mask, force.mask, comparison);
    this.#showFigures();
    this.#showActions();
    const problem = force.problem || chosen.problem;
    if (problem) this.#say(problem);
    this.#prefetch();
  }

  /** A mask, or why there is none; the history remains usable without it. */
  async #mask(revision) {
    if (!revision) return { mask: null, problem: '' };
    try {
      return { mask: await this.masks.get(revision), problem: '' };
    } catch (error) {
      return { mask: null, problem: error.message };
    }
  }

  /** The neighbours in the list are at hand before they are asked for. */
  #prefetch() {
    for (const step of [1, -1]) {
      const revision = this.history.neighbour(step);
      if (revision) this.masks.get(revision).catch(() => {}); // said when it is chosen
    }
  }

  #showFigures() {
    const { chosen, force, comparison } = this.#shown;
    const isChosen = !force || (chosen && this.#isSeenAlone('chosen'));
    const [mask, revision] = isChosen ? [chosen, this.#chosen] : [force, this.#current];
    this.bar.show(comparison);
    if (mask) this.legend.show({ scheme: this.#scheme, mask, id: revision.id, comparison, isChangesOnly: this.look.get('isChangesOnly') });
    else this.legend.clear();
    this.panes.caption('chosen', ...captionOf('Chosen', this.#chosen));
    this.panes.caption('force', ...captionOf('In force', this.#current));
  }

  #showActions() {
    const isSeen = !this.#isSeenAlone('chosen');
    const [isLoading, problem, scheme] = [!this.masks, this.#problem, this.#scheme];
    this.actions.show({ isLoading, current: this.#current, chosen: this.#chosen, isSeen, problem, scheme });
  }

  /** @param {'chosen' | 'force'} side */
  #isSeenAlone(side) {
    return this.look.get('isSingle') && this.look.get('front') === side;
  }

  #showPointer(point) {
    const sides = SIDES.filter((side) => !this.look.get('isSingle') || this.#isSeenAlone(side));
    this.pointer?.update(point, this.#scheme, sides.map((side) => this.#shown[side]).filter(Boolean));
  }

  #zoomToChanges() {
    const { comparison } = this.#shown;
    if (comparison?.box) this.panes.zoomTo(comparison.box);
  }

  async #reload(face) {
    if (this.#face?.id === face.id) await this.show(face, this.#scheme);
  }

  async #addIfOpen(face, revision) {
    if (this.#face?.id !== face.id) return;
    this.#face = face;
    this.actions.reset();
    await this.#take([...this.#revisions.filter(({ id }) => id !== revision.id), revision]);
  }

  #sayOf(face, text, isBad = false) {
    if (isBad) this.onTrouble(text);
    if (this.#face?.id === face.id) this.actions.say(text, isBad);
  }

  #say(problem) {
    this.#sayOf(this.#face, problem, true);
  }

  #fail(error) {
    this.#showActions();
    this.#say(error.message);
  }

  /** @param {KeyboardEvent} event of a key that went down @returns {boolean} it meant something here */
  keys(event) {
    if (!this.#face || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
    const { target } = event;
    const isArrow = event.key.startsWith('Arrow');
    if (target.closest?.('textarea, [contenteditable=true], select, input:not([type=range])')) return false;
    if (isArrow && target.matches?.('input[type=range]')) return false;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const run = this.#keys[key];
    if (!run) return false;
    event.preventDefault();
    // A key held down too long must not accept the next face, too.
    if (!event.repeat || !(key in ACTION_KEYS)) run();
    return true;
  }

  #keys = {
    ArrowDown: () => this.#step(1),
    ArrowUp: () => this.#step(-1),
    a: () => this.actions.run('accept'),
    r: () => this.actions.run('reject'),
    b: () => this.actions.run('restore'),
    s: () => this.look.toggle('isSingle'),
    x: () => this.#shown.comparison && swapFront(this.look),
    c: () => this.#shown.comparison && this.look.toggle('isChangesOnly'),
    z: () => this.#zoomToChanges(),
    v: () => this.look.toggle('isOutlined'),
    f: () => this.panes.fit(),
    d: () => this.look.set({ isPeeking: true }),
    '[': () => this.#fade(-OPACITY_STEP),
    ']': () => this.#fade(OPACITY_STEP),
  };

  #step(step) {
    const revision = this.history.neighbour(step);
    if (revision) this.#choose(revision);
  }

  #fade(step) {
    const opacity = Math.round((this.look.get('opacity') + step) * 100) / 100;
    this.look.set({ opacity: Math.min(1, Math.max(0, opacity)) });
  }
}

function captionOf(name, revision) {
  if (!revision) return [make('b', {}, name), ' none'];
  const { id, status, author, created_at: at } = revision;
  return [make('b', {}, name), ` #${id} · ${status} · ${author} · ${whenText(at)}`];
}
