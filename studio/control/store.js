/** The recipe in force, the ones before it, and where it is remembered: address and browser. */

import { fromText, isSame, plainRecipe, toText } from './recipe.js';

const KEY = 'faceloom.control';
const MOST = 200; // steps back

export class Store {
  #listeners = [];
  #done = []; // settled recipes, the last one is in force but for a drag
  #undone = [];
  #isShown = false;

  constructor() {
    this.recipe = fromAddress() ?? remembered() ?? plainRecipe({ seed: drawnSeed() });
    this.#done.push(this.recipe);
  }

  /** @param {(recipe: object, isSettled: boolean) => void} listener */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** While something is dragged. */
  drag(change) {
    this.recipe = { ...this.recipe, ...change };
    this.#tell(false);
  }

  /** A step that can be undone. */
  settle(change = {}) {
    this.recipe = { ...this.recipe, ...change };
    if (!isSame(this.recipe, this.#done.at(-1))) {
      this.#done.push(this.recipe);
      if (this.#done.length > MOST) this.#done.shift();
      this.#undone = [];
    }
    this.#tell(true);
  }

  /** Takes a recipe as it came to be known, without a step. */
  amend(change) {
    this.recipe = { ...this.recipe, ...change };
    this.#done[this.#done.length - 1] = this.recipe;
    this.#keep();
  }

  get canUndo() {
    return this.#done.length > 1;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  undo() {
    if (!this.canUndo) return;
    this.#undone.push(this.#done.pop());
    this.recipe = this.#done.at(-1);
    this.#tell(true);
  }

  redo() {
    if (!this.canRedo) return;
    this.#done.push(this.#undone.pop());
    this.recipe = this.#done.at(-1);
    this.#tell(true);
  }

  /** The address names the face only while the tab is on screen. */
  setShown(isShown) {
    this.#isShown = isShown;
    this.#keep();
  }

  /** A link on this page, or one pasted into the address. @returns {boolean} whether it named a face */
  follow() {
    const asked = fromAddress();
    if (!asked) return false;
    if (!isSame(asked, this.recipe)) this.settle(asked.generator ? asked : { ...asked, generator: this.recipe.generator });
    return true;
  }

  get link() {
    return new URL(`#control=${toText(this.recipe)}`, window.location.href).href;
  }

  #tell(isSettled) {
    if (isSettled) this.#keep();
    for (const listener of this.#listeners) listener(this.recipe, isSettled);
  }

  #keep() {
    const text = toText(this.recipe);
    try {
      sessionStorage.setItem(KEY, text);
    } catch {
      // It lasts as long as the page does.
    }
    const { pathname, search, hash } = window.location;
    const isOurs = hash.startsWith('#control=');
    if (!this.#isShown && !isOurs) return;
    window.history.replaceState(window.history.state, '', pathname + search + (this.#isShown ? `#control=${text}` : ''));
  }
}

export function drawnSeed() {
  return Math.floor(Math.random() * 10_000_000); // short enough to be read and told
}

function fromAddress() {
  const text = new URLSearchParams(window.location.hash.slice(1)).get('control');
  return text === null ? null : fromText(text);
}

function remembered() {
  try {
    return fromText(sessionStorage.getItem(KEY) ?? '');
  } catch {
    return null;
  }
}
