/** How this person likes to paint: tool, sizes, view. Some of it is remembered by the browser. */

import { UNLABELLED } from './labelmap.js';
import { ANYTHING } from './protect.js';
import { recall, remember } from './remembered.js';

export const MIN_SIZE = 1; // brush diameter in image pixels
export const MAX_SIZE = 200;

/** Name -> value at first sight. */
const DEFAULTS = {
  tool: 'brush',
  classId: 0,
  lastClassId: 0, // the class before a swap to the background
  sizes: { brush: 24, eraser: 24, accept: 40 }, // diameter in image pixels, by tool
  level: 0, // of the superpixels, 0 is the coarsest
  fillsWholeFace: false, // bucket: all pixels of the class, not only the connected ones
  usesPressure: false, // pen: pressure scales the diameter
  onlyOn: ANYTHING, // class id that may be painted over
  locked: new Set(), // class ids
  hidden: new Set([UNLABELLED]), // class ids not drawn; unlabelled is drawn only on request
  opacity: 0.55, // of the overlay, 0 to 1
  outline: false, // borders of the classes instead of filled areas
  isPeeking: false, // overlay hidden while a key is held
  brightness: 0, // of the image, -100 to 100
  contrast: 0, // of the image, -100 to 100
  cleanSize: 30, // largest speck or hole to clean, in pixels
};

const REMEMBERED = [
  'sizes', 'level', 'usesPressure', 'opacity', 'outline', 'brightness', 'contrast', 'cleanSize',
];

export class Settings {
  #values;
  #watchers = [];

  /** @param {string} storageKey in localStorage @param {object} initial values over the defaults */
  constructor(storageKey, initial = {}) {
    this.storageKey = storageKey;
    this.#values = { ...DEFAULTS, ...remembered(storageKey), ...initial };
  }

  get(name) {
    return this.#values[name];
  }

  /** Sets a value and tells the watchers, if it differs. Values are never changed in place. */
  set(name, value) {
    if (!(name in DEFAULTS)) throw new Error(`No setting is called '${name}'.`);
    if (this.#values[name] === value) return;
    this.#values[name] = value;
    if (REMEMBERED.includes(name)) remember(this.storageKey, this.#values, REMEMBERED);
    for (const watcher of this.#watchers) if (watcher.names.includes(name)) watcher.update();
  }

  /** Calls `update` now and whenever one of the settings changes. */
  watch(names, update) {
    this.#watchers.push({ names, update });
    update();
  }

  /** Adds or removes a class id of the set `name` ('locked' or 'hidden'). */
  toggle(name, id) {
    const ids = new Set(this.get(name));
    if (!ids.delete(id)) ids.add(id);
    this.set(name, ids);
  }

  /** Brush diameter of the tool in hand, in image pixels; null for a tool without a size. */
  get size() {
    return this.#values.sizes[this.#values.tool] ?? null;
  }

  set size(diameter) {
    if (this.size === null || !Number.isFinite(diameter)) return;
    const size = Math.min(MAX_SIZE, Math.max(MIN_SIZE, Math.round(diameter)));
    this.set('sizes', { ...this.#values.sizes, [this.#values.tool]: size });
  }
}

/** What the browser kept, as far as it makes sense. */
function remembered(storageKey) {
  const values = recall(storageKey, DEFAULTS, REMEMBERED);
  if (values.sizes) values.sizes = goodSizes(values.sizes);
  return values;
}

function goodSizes(sizes) {
  const isGood = (size) => Number.isInteger(size) && size >= MIN_SIZE && size <= MAX_SIZE;
  const kept = Object.entries(sizes).filter(([tool, size]) => tool in DEFAULTS.sizes && isGood(size));
  return { ...DEFAULTS.sizes, ...Object.fromEntries(kept) };
}
