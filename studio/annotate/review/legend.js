/** The classes of the masks that are compared: pixels of each, or what changed. */

import { make } from '../../painter/panels/dom.js';
import { UNLABELLED } from '../../painter/labelmap.js';
import { UNLABELLED_COLOUR } from '../../painter/overlay.js';
import { changesByClass } from './compare.js';
import { countText, plural, shareText } from './words.js';

/** Name and colour of a class id, also of one that the scheme does not have. */
export function classOf(scheme, id) {
  if (id === UNLABELLED) return { id, name: 'not labelled', color: UNLABELLED_COLOUR };
  return scheme.classes.find((each) => each.id === id) ?? { id, name: `unknown class ${id}`, color: 'transparent' };
}

/** '1,234 pixels differ (0.1 %), 3 classes' */
export function changesText({ numChanged, isChanged }, numClasses) {
  if (!numChanged) return 'No pixel differs';
  const verb = numChanged === 1 ? 'differs' : 'differ';
  const classes = numClasses === 1 ? '1 class' : `${numClasses} classes`;
  return `${plural(numChanged, 'pixel')} ${verb} (${shareText(numChanged, isChanged.length)}), ${classes}`;
}

export class Legend {
  #pinned = null; // class that stays highlighted

  /** @param {import('./compare_look.js').Look} look */
  constructor(look) {
    this.look = look;
    this.title = make('h3', {}, 'Classes');
    this.summary = make('p', { class: 'fl-review-summary', role: 'status' });
    this.head = make('thead');
    this.body = make('tbody', { onmouseleave: () => this.#highlight(this.#pinned) });
    const table = make('table', {}, this.head, this.body);
    this.element = make('section', { class: 'fl-review-legend' }, this.title, this.summary, make('div', { class: 'fl-review-scroll' }, table));
  }

  clear() {
    this.#pin(null);
    this.title.textContent = 'Classes';
    this.summary.textContent = '';
    this.head.replaceChildren();
    this.body.replaceChildren();
  }

  /**
   * @param {object} parts
   * @param {object} parts.scheme
   * @param {import('./compare.js').Mask} parts.mask the one that is counted
   * @param {number} parts.id of its revision
   * @param {import('./compare.js').Comparison | null} parts.comparison
   * @param {boolean} parts.isChangesOnly show what changed instead
   */
  show({ scheme, mask, id, comparison, isChangesOnly }) {
    const changes = comparison ? changesByClass(comparison) : [];
    const hasChanges = isChangesOnly && comparison;
    this.summary.textContent = comparison ? changesText(comparison, changes.length) : '';
    this.title.textContent = hasChanges ? 'Changes, from chosen to in force' : `Classes of #${id}`;
    if (hasChanges) this.#showChanges(scheme, changes);
    else this.#showClasses(scheme, mask);
    if (!this.body.querySelector(`[data-class="${this.#pinned}"]`)) this.#pin(null);
    this.#markPinned();
  }

  #showClasses(scheme, { counts, ids }) {
    this.#columns('pixels', 'share');
    const present = Array.from(counts.keys()).filter((id) => counts[id]);
    present.sort((a, b) => counts[b] - counts[a]);
    this.body.replaceChildren(
      ...present.map((id) => this.#row(classOf(scheme, id), [countText(counts[id]), shareText(counts[id], ids.length)])),
    );
  }

  #showChanges(scheme, changes) {
    this.#columns('added', 'removed');
    this.body.replaceChildren(
      ...changes.map(({ id, before, after, added, removed }) =>
        this.#row(classOf(scheme, id), [added ? `+${countText(added)}` : '', removed ? `−${countText(removed)}` : ''], `${countText(before)} → ${countText(after)}`),
      ),
    );
  }

  #columns(...names) {
    this.head.replaceChildren(make('tr', {}, ...['class', ...names].map((name) => make('th', { scope: 'col' }, name))));
  }

  #row({ id, name, color }, figures, detail = '') {
    const swatch = make('span', { class: 'fl-review-swatch' });
    swatch.style.background = color;
    const pin = () => this.#pin(this.#pinned === id ? null : id);
    const button = make('button', { type: 'button', title: `${name}: show it alone`, onclick: pin }, swatch, make('span', {}, name));
    return make(
      'tr',
      { 'data-class': id, class: detail ? 'fl-review-detailed' : '', onmouseenter: () => this.#highlight(id) },
      make('th', { scope: 'row' }, button, make('small', { hidden: !detail, title: 'Pixels before and after' }, detail)),
      ...figures.map((figure) => make('td', {}, figure)),
    );
  }

  #highlight(id) {
    this.look.set({ highlight: id });
  }

  #pin(id) {
    this.#pinned = id;
    this.#highlight(id);
    this.#markPinned();
  }

  #markPinned() {
    for (const row of this.body.rows) {
      const isPinned = Number(row.dataset.class) === this.#pinned;
      row.querySelector('button').setAttribute('aria-pressed', isPinned);
    }
  }
}
