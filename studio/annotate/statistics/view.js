/** A table that is sorted by its headings, copied and downloaded. */

import { make } from '../../painter/panels/dom.js';
import { asText, sorted } from './tables.js';

const SAID_MS = 3000;
const BYTE_ORDER_MARK = '\ufeff'; // without it Excel takes UTF-8 for something else

export class DataTable {
  #by = 0; // column that rows are ordered by
  #direction = 0; // as they came; 1, -1: by the column

  /**
   * @param {object} parts
   * @param {string} parts.title
   * @param {string} parts.about what is counted
   * @param {object[]} parts.rows
   * @param {import('./tables.js').Column[]} parts.columns
   * @param {string} parts.file name of the file to download, without its ending
   * @param {(row: object) => string | null} [parts.colourOf] '#rrggbb' shown beside the first cell
   * @param {string} [parts.nothing] said instead of an empty table
   */
  constructor({ title, about, rows, columns, file, colourOf = null, nothing = '' }) {
    Object.assign(this, { rows, columns, file, colourOf });
    this.body = make('tbody');
    this.headings = columns.map((column, k) => this.#heading(column, k));
    this.said = make('span', { class: 'fl-statistics-said', role: 'status' });
    const table = make('table', {}, make('thead', {}, make('tr', {}, ...this.headings)), this.body);
    const buttons = make(
      'div',
      { class: 'fl-statistics-buttons' },
      this.said,
      make('button', { type: 'button', title: 'Tab-separated, for a spreadsheet', onclick: () => this.#copy() }, 'Copy'),
      make('button', { type: 'button', onclick: () => this.#download() }, 'Download CSV'),
    );
    const content = rows.length ? [buttons, make('div', { class: 'fl-statistics-scroll' }, table)] : [make('p', {}, nothing)];
    this.element = make('section', { 'aria-label': title }, make('h3', {}, title), make('p', { class: 'fl-statistics-about' }, about), ...content);
    this.#fill();
  }

  get #shown() {
    return this.#direction ? sorted(this.rows, this.columns[this.#by], this.#direction) : this.rows;
  }

  #heading({ name, title, show }, k) {
    const button = make('button', { type: 'button', title, onclick: () => this.#order(k) }, name);
    return make('th', { scope: 'col', class: show ? 'fl-statistics-figure' : '' }, button);
  }

  /** Figures go from the largest at first, texts from A. */
  #order(k) {
    const first = this.columns[k].show ? -1 : 1;
    this.#direction = this.#by === k && this.#direction ? -this.#direction : first;
    this.#by = k;
    this.#fill();
  }

  #fill() {
    this.headings.forEach((heading, k) => {
      const isBy = this.#direction !== 0 && this.#by === k;
      if (isBy) heading.setAttribute('aria-sort', this.#direction > 0 ? 'ascending' : 'descending');
      else heading.removeAttribute('aria-sort');
    });
    this.body.replaceChildren(...this.#shown.map((row) => make('tr', {}, ...this.columns.map((column, k) => this.#cell(row, column, k)))));
  }

  #cell(row, { value, show }, k) {
    const it = value(row);
    const text = it === null ? '–' : show ? show(it) : it;
    if (k > 0) return make('td', {}, text);
    const cell = make('th', { scope: 'row', title: text }, make('span', {}, text));
    if (!this.colourOf) return cell;
    const swatch = make('i', { class: 'fl-review-swatch', 'aria-hidden': 'true' });
    swatch.style.background = this.colourOf(row) ?? 'transparent';
    cell.prepend(swatch);
    return cell;
  }

  async #copy() {
    const text = asText(this.#shown, this.columns, '\t');
    const isCopied = await written(text, this.element);
    this.#say(isCopied ? 'Copied' : 'No access to the clipboard: download it.');
  }

  #download() {
    const text = BYTE_ORDER_MARK + asText(this.#shown, this.columns, ',') + '\r\n';
    const href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
    make('a', { href, download: `${this.file}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(href), SAID_MS);
  }

  #say(text) {
    this.said.textContent = text;
    setTimeout(() => (this.said.textContent = ''), SAID_MS);
  }
}

/** Puts text on the clipboard, also where the page is not on https. @returns {Promise<boolean>} */
async function written(text, host) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make('textarea', { readonly: true });
    area.value = text;
    host.append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    return isCopied;
  }
}
