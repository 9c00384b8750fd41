/** All exports, the newest first; each opens to what there is to look at. */

import { make } from '../painter/panels/dom.js';
import { Item } from './item.js';

const [BUSY, IDLE] = [1000, 10_000]; // ms between two looks

export class ExportList {
  #items = new Map(); // name -> Item
  #timer = null;
  #isShown = false;

  /** @param {import('./api.js').ExportApi} api @param {object} on see export.js */
  constructor(api, on) {
    Object.assign(this, { api, on });
    this.list = make('ol', { class: 'fl-ex-items' });
    this.none = make('p', { class: 'fl-ex-none' }, 'No exports yet. Each goes into a folder of its own in the workspace.');
    this.element = make('section', { class: 'fl-ex-exports', 'aria-label': 'Exports' }, make('div', { class: 'fl-ex-head' }, make('h2', {}, 'Exports')), this.none, this.list);
  }

  setShown(isShown) {
    this.#isShown = isShown;
    clearTimeout(this.#timer);
    if (isShown) this.look();
  }

  async look() {
    clearTimeout(this.#timer);
    let pause = IDLE;
    try {
      const { exports, is_busy: isBusy, max_zip_bytes: maxZip } = await this.api.list();
      this.#show(exports, maxZip);
      if (isBusy) pause = BUSY;
    } catch (error) {
      this.on.trouble(error);
    }
    clearTimeout(this.#timer);
    if (this.#isShown) this.#timer = setTimeout(() => this.look(), pause);
  }

  /** @param {string} name of a new one, brought into sight */
  async point(name) {
    await this.look();
    this.#items.get(name)?.element.scrollIntoView({ block: 'nearest' });
  }

  #show(exports, maxZip) {
    const names = new Set(exports.map(({ name }) => name));
    for (const [name, item] of this.#items) {
      if (names.has(name)) continue;
      item.element.remove();
      this.#items.delete(name);
    }
    exports.forEach((facts, place) => {
      let item = this.#items.get(facts.name);
      if (!item) this.#items.set(facts.name, (item = new Item(this.api, facts.name, { ...this.on, changed: () => this.look() })));
      item.show(facts, maxZip);
      if (this.list.children[place] !== item.element) this.list.insertBefore(item.element, this.list.children[place] ?? null);
    });
    this.none.hidden = exports.length > 0;
  }
}
