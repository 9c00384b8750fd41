/** The list of faces at the left: thumbnails with seed and status. Only rows in sight exist. */

import { make } from '../painter/panels/dom.js';
import { FacePages } from './facepages.js';
import { STATUS_NAMES } from './work.js';

const ROW = 56; // CSS pixels, as in annotate.css
const BEYOND = 4; // rows drawn above and below what is in sight
const CALM = 80; // ms without scrolling until pages are fetched

export class FaceList {
  #rows = new Map(); // place -> element
  #pages = null;
  #active = null; // place that the arrow keys are on
  #timer = null;

  /** @param {import('./work.js').Work} work @param {import('./api.js').Api} api */
  constructor(work, api) {
    Object.assign(this, { work, api });
    this.inside = make('div', { class: 'fl-an-rows' });
    this.element = make('div', { class: 'fl-an-list', role: 'listbox', tabindex: 0, 'aria-label': 'Faces' }, this.inside);
    this.element.addEventListener('scroll', () => this.#scrolled());
    this.element.addEventListener('click', (event) => this.#open(event.target.closest('.fl-an-row')?.dataset.place));
    this.element.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#scrolled()).observe(this.element);
    work.listen((what, detail) => this.#changed(what, detail));
  }

  #changed(what, detail) {
    if (what === 'project' || what === 'filter') this.#begin();
    if (what === 'projects') this.#compare();
    if (what === 'status') this.#pages?.mark(detail.id, detail.status);
    if (what === 'face' || what === 'loaded') this.#showCurrent();
  }

  #begin() {
    const { project, statuses } = this.work;
    this.#pages = project && new FacePages(
      (offset, limit) => this.api.faces(project.id, { statuses, offset, limit }),
      statuses,
      () => this.#draw(),
      (error) => this.work.tell('trouble', error),
    );
    this.#active = null;
    this.element.scrollTop = 0;
    if (this.#pages) this.#pages.total = this.work.count(statuses);
    this.#draw();
    this.#fetch();
  }

  /** Somebody added faces, or another person's work moved faces in or out of the filter. */
  #compare() {
    if (!this.#pages || this.#pages.fits(this.work.count(this.#pages.statuses))) return;
    this.#pages.forget();
    this.#pages.total = this.work.count(this.#pages.statuses);
    this.#fetch();
  }

  #scrolled() {
    this.#draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetch(), CALM);
  }

  #fetch() {
    const { first, last } = this.#range();
    if (this.#pages && last >= first) this.#pages.need(first, last);
  }

  #range() {
    const { scrollTop, clientHeight } = this.element;
    const total = this.#pages?.total ?? 0;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - BEYOND);
    return { first, last: Math.min(total - 1, Math.ceil((scrollTop + clientHeight) / ROW) + BEYOND) };
  }

  #draw() {
    this.inside.style.height = `${(this.#pages?.total ?? 0) * ROW}px`;
    const { first, last } = this.#range();
    for (const [place, row] of this.#rows) {
      if (place >= first && place <= last) continue;
      row.remove();
      this.#rows.delete(place);
    }
    for (let place = first; place <= last; place++) this.#drawRow(place);
  }

  #drawRow(place) {
    const face = this.#pages.at(place);
    const row = this.#rows.get(place) ?? this.#addRow(place);
    const isCurrent = Boolean(face) && face.id === this.work.face?.id;
    row.setAttribute('aria-selected', isCurrent);
    row.classList.toggle('fl-an-active', place === this.#active);
    const state = face ? `${face.id} ${face.status}` : '';
    if (row.dataset.state === state) return;
    row.dataset.state = state;
    row.replaceChildren(...(face ? rowContent(face, this.api.url(face.thumbnail)) : []));
  }

  #addRow(place) {
    const row = make('div', { class: 'fl-an-row', role: 'option', id: `fl-an-row-${place}`, 'data-place': place, 'aria-setsize': this.#pages.total, 'aria-posinset': place + 1 });
    row.style.top = `${place * ROW}px`;
    this.#rows.set(place, row);
    this.inside.append(row);
    return row;
  }

  #showCurrent() {
    const { face, place } = this.work;
    const here = face && (this.#pages?.placeOf(face.id) ?? (place === null ? null : this.#pages.placeHere(place)));
    if (here !== null && here !== undefined) this.#bringIntoSight(here);
    this.#active = here ?? null;
    this.#draw();
  }

  #bringIntoSight(place) {
    const { scrollTop, clientHeight } = this.element;
    const [top, bottom] = [place * ROW, (place + 1) * ROW];
    if (!clientHeight || (top >= scrollTop && bottom <= scrollTop + clientHeight)) return;
    this.element.scrollTop = top - (clientHeight - ROW) / 2;
  }

  #key(event) {
    const perPage = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const total = this.#pages?.total ?? 0;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: perPage, PageUp: -perPage, Home: -total, End: total };
    if (event.key === 'Enter' && this.#active !== null) this.#open(this.#active);
    else if (event.key in steps && total) this.#activate(Math.min(total - 1, Math.max(0, (this.#active ?? 0) + steps[event.key])));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #activate(place) {
    this.#active = place;
    this.#bringIntoSight(place);
    this.#draw();
    this.element.setAttribute('aria-activedescendant', `fl-an-row-${place}`);
  }

  #open(place) {
    const face = place === undefined ? null : this.#pages.at(Number(place));
    if (face) this.work.open(face.id);
  }
}

function rowContent(face, thumbnail) {
  const picture = make('img', { src: thumbnail, alt: '', width: 48, height: 48, decoding: 'async', fetchpriority: 'low', draggable: 'false' });
  const title = face.seed === null ? `Face ${face.id}` : `Seed ${face.seed}`;
  const status = make('span', { class: 'fl-an-status', 'data-status': face.status }, STATUS_NAMES[face.status]);
  return [picture, make('span', { class: 'fl-an-facts' }, make('b', {}, title), status)];
}
