/** The list of a face's revisions, newest first. */

import { make } from '../../painter/panels/dom.js';
import { inForce, rowsOf, strandsOf } from './tree.js';
import { plural, SOURCES, spentText, whenText } from './words.js';

const COLUMN = 9; // CSS pixels between lines of the tree
const MOST_COLUMNS = 5;
const DOT_AT = 15; // CSS pixels from the top of a row

export class History {
  #revisions = [];
  #unfolded = new Set(); // id of the newest draft of a run
  #chosen = null;

  /** @param {(revision: object) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.list = make('ol', { class: 'fl-review-list', 'aria-label': 'Revisions, newest first' });
    this.element = make('section', { class: 'fl-review-history' }, make('h3', {}, 'History'), this.list);
  }

  /** @param {object[]} revisions oldest first */
  show(revisions) {
    this.#revisions = revisions;
    this.#draw();
  }

  clear() {
    this.#unfolded.clear();
    this.#chosen = null;
    this.show([]);
  }

  /** @param {object | null} revision marked as the one that is looked at */
  mark(revision) {
    this.#chosen = revision?.id ?? null;
    const run = this.#rows.find((row) => row.isFolded && row.revisions.includes(revision));
    if (run && !this.#unfolded.has(run.revisions[0].id)) this.#unfold(run.revisions[0].id);
    for (const button of this.list.querySelectorAll('[data-revision]')) {
      const isChosen = Number(button.dataset.revision) === this.#chosen;
      button.setAttribute('aria-pressed', isChosen);
      if (isChosen) button.scrollIntoView({ block: 'nearest' });
    }
  }

  /** The revision `step` rows below the chosen one, folded drafts left out; null at the end. */
  neighbour(step) {
    const shown = this.#open.filter((row) => !row.isFolded).map((row) => row.revisions[0]);
    const at = shown.findIndex(({ id }) => id === this.#chosen);
    return shown[at + step] ?? null;
  }

  #rows = [];
  #open = []; // rows as they are shown: of an unfolded run, one a draft

  #draw() {
    this.#rows = rowsOf(this.#revisions);
    this.#open = this.#rows.flatMap((row) => this.#isOpen(row) ? row.revisions.map((each) => ({ revisions: [each], isFolded: false })) : [row]);
    const strands = strandsOf(this.#open);
    const width = Math.min(MOST_COLUMNS, Math.max(1, ...strands.map((one) => widest(one))));
    this.list.style.setProperty('--fl-tree', `${(width + 1) * COLUMN}px`);
    const current = inForce(this.#revisions);
    this.list.replaceChildren(
      ...this.#open.map((row, k) => make('li', {}, drawing(strands[k]), row.isFolded ? this.#fold(row) : this.#entry(row.revisions[0], current))),
    );
    if (!this.#revisions.length) this.list.append(make('li', { class: 'fl-review-none' }, 'No mask was saved yet.'));
  }

  #isOpen(row) {
    return row.isFolded && this.#unfolded.has(row.revisions[0].id);
  }

  #unfold(id) {
    this.#unfolded.add(id);
    this.#draw();
  }

  #fold({ revisions }) {
    const [newest] = revisions;
    const beside = revisions.some((each) => each.was_stale) ? ' kept beside' : '';
    const show = () => {
      this.#unfold(newest.id);
      this.onChoose(newest);
    };
    return make(
      'button',
      { type: 'button', class: 'fl-review-fold', 'aria-expanded': 'false', title: 'Show them', onclick: show },
      `${plural(revisions.length, 'draft')}${beside} · ${newest.author}`,
    );
  }

  #entry(revision, current) {
    const { id, author, status, source, comment, seconds, created_at: at } = revision;
    const facts = [SOURCES[source], spentText(seconds)].filter(Boolean).join(' · ');
    const marks = [];
    if (revision === current) marks.push(make('b', { class: 'fl-review-mark' }, 'in force'));
    if (revision.was_stale) marks.push(make('b', { class: 'fl-review-mark fl-review-beside', title: 'It was not painted on the mask in force at that moment' }, 'kept beside'));
    const button = make(
      'button',
      { type: 'button', class: 'fl-review-entry', 'data-revision': id, 'data-status': status, 'aria-pressed': id === this.#chosen, onclick: () => this.onChoose(revision) },
      make('span', { class: 'fl-review-line' }, make('b', { class: 'fl-review-status' }, status), make('span', { class: 'fl-review-author', title: author }, author), make('time', { datetime: at, title: new Date(at).toString() }, whenText(at))),
      make('span', { class: 'fl-review-line fl-review-facts' }, make('span', {}, `#${id} ${facts}`), ...marks),
    );
    if (comment) button.append(make('span', { class: 'fl-review-comment', title: comment }, comment));
    return button;
  }
}

function widest({ column, passing, joining }) {
  return Math.max(column, ...passing, ...joining) + 1;
}

/** The piece of the tree beside one row; lines go on below through the row's whole height. */
function drawing({ column, passing, joining, hasParent }) {
  const x = (k) => COLUMN * (Math.min(k, MOST_COLUMNS - 1) + 0.75);
  const lines = passing.map((k) => `M${x(k)} 0V2000`);
  for (const k of joining) lines.push(k === column ? `M${x(k)} 0V${DOT_AT}` : `M${x(k)} 0V${DOT_AT - 7}L${x(column)} ${DOT_AT}`);
  if (hasParent) lines.push(`M${x(column)} ${DOT_AT}V2000`);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'fl-review-tree');
  svg.setAttribute('aria-hidden', 'true');
  const part = (name, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    svg.append(element);
  };
  part('path', { d: lines.join('') });
  part('circle', { cx: x(column), cy: DOT_AT, r: 3.5 });
  return svg;
}
