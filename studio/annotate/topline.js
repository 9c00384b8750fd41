/** The line above the painter: which face, who else is here, and the ways elsewhere. */

import { make } from '../painter/panels/dom.js';
import { STATUS_NAMES } from './work.js';

const number = new Intl.NumberFormat('en');

/**
 * @param {object} parts
 * @param {import('./work.js').Work} parts.work
 * @param {import('./company.js').Company} parts.company
 * @param {HTMLElement} parts.live
 * @param {HTMLElement} parts.history
 * @param {{toggleList, showStatistics, showExchange}} parts.verbs functions
 */
export function createTopline({ work, company, live, history, verbs }) {
  const button = (label, title, onclick, more = {}) => make('button', { type: 'button', title, onclick, ...more }, label);
  const fold = button('☰', 'Hide or show the list of faces (\\)', verbs.toggleList, { class: 'fl-an-fold', 'aria-label': 'List of faces' });
  const previous = button('‹', 'Previous face (PageUp)', () => work.step('previous'), { class: 'fl-an-step', 'aria-label': 'Previous face' });
  const next = button('›', 'Next face (PageDown)', () => work.step('next'), { class: 'fl-an-step', 'aria-label': 'Next face' });
  const statistics = button('Statistics', 'Pixels and faces by class and person', verbs.showStatistics);
  const exchange = button('Import / Export', 'Masks from and to files', verbs.showExchange);
  const update = () => {
    for (const each of [previous, next, statistics, exchange]) each.disabled = !work.count();
    exchange.disabled = !work.project;
  };
  work.listen((what) => ['projects', 'project'].includes(what) && update());
  return make(
    'div',
    { class: 'fl-an-line fl-an-box', role: 'toolbar', 'aria-label': 'Face' },
    fold,
    previous,
    next,
    createFacts(work),
    createCompany(work, company),
    make('span', { class: 'fl-an-space' }),
    live,
    history,
    createModes(work),
    statistics,
    exchange,
  );
}

function createFacts(work) {
  const title = make('b', { class: 'fl-an-seed' });
  const status = make('span', { class: 'fl-an-status' });
  const place = make('span', { class: 'fl-an-place' });
  const update = () => {
    const { face } = work;
    element.hidden = !face;
    if (!face) return;
    title.textContent = face.seed === null ? `Face ${face.id}` : `Seed ${face.seed}`;
    title.title = `Face ${face.id}, ${face.width} x ${face.height}, ${face.generator}, psi ${face.psi}, noise ${face.noise}`;
    status.textContent = STATUS_NAMES[face.status];
    status.dataset.status = face.status;
    if (work.place === null) return;
    const total = Math.max(work.place + 1, work.count(work.statuses));
    place.textContent = `${number.format(work.place + 1)} of ${number.format(total)}`;
  };
  const element = make('span', { class: 'fl-an-facts-line', hidden: true }, title, status, place);
  work.listen((what) => {
    if (what === 'face' || what === 'filter') place.textContent = '';
    if (['face', 'loaded', 'status', 'filter'].includes(what)) update();
  });
  return element;
}

/** Everybody else who has the face open, by name. */
function createCompany(work, company) {
  const element = make('span', { class: 'fl-an-company', hidden: true });
  work.listen((what) => {
    if (what !== 'company') return;
    const names = [...new Set(company.leases.map(({ person }) => person))];
    element.hidden = !names.length;
    element.textContent = names.length ? `Also here: ${names.join(', ')}` : '';
    element.title = element.textContent;
  });
  return element;
}

function createModes(work) {
  const modes = { paint: 'Paint', review: 'Review' };
  const buttons = Object.entries(modes).map(([mode, label]) => make('button', { type: 'button', 'data-mode': mode, onclick: () => work.setMode(mode) }, label));
  const update = () => {
    for (const each of buttons) {
      each.setAttribute('aria-pressed', each.dataset.mode === work.mode);
      each.disabled = !work.count();
    }
  };
  work.listen((what) => ['mode', 'project', 'projects'].includes(what) && update());
  return make('div', { class: 'fl-an-modes', role: 'group', 'aria-label': 'Mode' }, ...buttons);
}
