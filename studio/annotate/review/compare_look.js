/** How this person likes to compare masks; some of it is remembered by the browser. */

import { recall, remember } from '../../painter/remembered.js';

const DEFAULTS = {
  opacity: 0.55, // of the masks, 0 to 1
  isOutlined: false, // borders of the classes instead of filled areas
  isSingle: false, // one large mask instead of two side by side
  isChangesOnly: false, // only the pixels whose class differs
  isPeeking: false, // masks hidden while a key is held
  front: 'force', // which mask a single view shows: 'chosen' or 'force'
  highlight: null, // the only class to show; null: all
};
const REMEMBERED = ['opacity', 'isOutlined', 'isSingle'];

export class Look {
  #values;
  #watchers = [];

  /** @param {string} storageKey in localStorage */
  constructor(storageKey) {
    this.storageKey = storageKey;
    this.#values = { ...DEFAULTS, ...remembered(storageKey) };
  }

  get(name) {
    return this.#values[name];
  }

  /** Sets values and tells the watchers once, if one differs. */
  set(values) {
    const changed = Object.keys(values).filter((name) => this.#values[name] !== values[name]);
    if (!changed.length) return;
    Object.assign(this.#values, values);
    if (changed.some((name) => REMEMBERED.includes(name))) remember(this.storageKey, this.#values, REMEMBERED);
    for (const update of this.#watchers) update(changed);
  }

  toggle(name) {
    this.set({ [name]: !this.get(name) });
  }

  /** Calls `update(names)` whenever something changes. */
  watch(update) {
    this.#watchers.push(update);
  }
}

function remembered(storageKey) {
  const values = recall(storageKey, DEFAULTS, REMEMBERED);
  if ('opacity' in values && !(values.opacity >= 0 && values.opacity <= 1)) delete values.opacity;
  return values;
}
