/** The recipe of the form: its values, the YAML text that means the same, and what is wrong with it. */

const KEY = 'faceloom.export';
export const SENT = 'faceloom.export.sent'; // where other tabs leave a recipe for this one
const PAUSE = 250; // ms without another change until the server is asked

export class Store {
  recipe = null; // of all keys, as the server has them
  text = ''; // of the last recipe that was good
  problem = null; // {key, message}
  promised = null; // {people, splits}
  isLooking = false;
  #listeners = [];
  #sequence = 0;
  #timer = null;
  #settled = Promise.resolve();

  /** @param {import('./api.js').ExportApi} api @param {(error: Error) => void} onTrouble */
  constructor(api, onTrouble) {
    Object.assign(this, { api, onTrouble });
  }

  /** @param {() => void} listener after each change, and when it was looked at */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** @param {object} options of the server, with the recipe that is asked for at first */
  start(options) {
    this.first = { recipe: options.recipe, text: options.text };
    this.#take(options);
    const before = remembered();
    if (before) this.#look({ recipe: before }).catch(() => {}); // it was told
  }

  /** @param {object} part of the recipe, changed in the form */
  change(part) {
    this.recipe = { ...this.recipe, ...part };
    this.#later({ recipe: this.recipe });
  }

  /** The YAML was written in. */
  write(text) {
    this.#later({ text }, 500);
  }

  /** @returns {Promise<object>} the answer to a whole text: from a file, or another tab */
  async read(text) {
    clearTimeout(this.#timer);
    return this.#look({ text });
  }

  reset() {
    this.recipe = this.first.recipe;
    this.#later({ recipe: this.recipe }, 0);
  }

  /** When all that was changed has been looked at. */
  async settled() {
    if (this.#timer !== null) this.#now();
    await this.#settled;
  }

  #later(given, pause = PAUSE) {
    clearTimeout(this.#timer);
    this.isLooking = true;
    this.#sequence += 1; // an answer that is under way is of no use
    this.given = given;
    this.#timer = setTimeout(() => this.#now(), pause);
    this.#tell();
  }

  #now() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#settled = this.#look(this.given).catch(() => {});
  }

  async #look(given) {
    this.#timer = null;
    const sequence = ++this.#sequence;
    this.isLooking = true;
    try {
      const answer = await this.api.look(given);
      if (sequence === this.#sequence) this.#take(answer);
      return answer;
    } catch (error) {
      if (sequence === this.#sequence) this.isLooking = false;
      this.onTrouble(error);
      throw error;
    }
  }

  #take({ recipe, text, problem, promised }) {
    this.isLooking = false;
    this.problem = problem;
    this.promised = promised;
    if (recipe) Object.assign(this, { recipe, text });
    if (recipe) remember(recipe);
    this.#tell();
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}

/** A recipe that another tab left; once. @returns {string | null} YAML */
export function takeSent() {
  try {
    const text = sessionStorage.getItem(SENT);
    sessionStorage.removeItem(SENT);
    return text;
  } catch {
    return null;
  }
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function remember(recipe) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(recipe));
  } catch {
    // It lasts as long as the page does.
  }
}
