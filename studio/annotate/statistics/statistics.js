/** A project in figures: its faces by status, its classes, its people. */

import { make } from '../../painter/panels/dom.js';
import { DataTable } from './view.js';
import { classColumns, PERSON_COLUMNS } from './tables.js';

const STATUSES = { todo: 'to do', draft: 'draft', done: 'done', accepted: 'accepted', rejected: 'rejected' };

/**
 * @param {{api: import('../api.js').Api}} parts
 * @returns {{element: HTMLDialogElement, show: (project: object) => Promise<void>}}
 */
export function createStatistics({ api }) {
  const title = make('h2');
  const close = make('button', { type: 'button', autofocus: true, onclick: () => element.close() }, 'Close');
  const content = make('div', { class: 'fl-statistics-content' });
  const element = make('dialog', { class: 'fl-sheet fl-statistics', 'aria-label': 'Statistics' }, make('header', {}, title, close), content);
  element.addEventListener('click', (event) => event.target === element && element.close());
  let turn = 0;
  const show = async (project) => {
    const mine = ++turn;
    title.textContent = `Statistics of ${project.name}`;
    content.replaceChildren(make('p', { role: 'status' }, 'Counting…'));
    if (!element.open) element.showModal();
    try {
      const statistics = await api.statistics(project.id);
      if (mine === turn) content.replaceChildren(...sections(statistics, project.name));
    } catch (error) {
      const again = make('button', { type: 'button', onclick: () => show(project) }, 'Try again');
      if (mine === turn) content.replaceChildren(make('p', { class: 'fl-statistics-trouble', role: 'alert' }, error.message), again);
    }
  };
  return { element, show };
}

function sections({ num_faces: numFaces, classes, people }, name) {
  const all = Object.values(numFaces).reduce((sum, count) => sum + count, 0);
  const numMasks = all - numFaces.todo;
  const about = numMasks === 1 ? 'the mask in force of 1 face' : `the masks in force of ${numMasks.toLocaleString('en')} faces`;
  const colours = new Map(classes.map(({ name: its, color }) => [its, color]));
  return [
    progress(numFaces, all),
    make(
      'div',
      { class: 'fl-statistics-tables' },
      new DataTable({ title: 'Classes', about: `Counts ${about}, drafts included.`, rows: classes, columns: classColumns(classes), file: `${name} classes`, colourOf: ({ name: its }) => colours.get(its) ?? null }).element,
      new DataTable({ title: 'People', about: 'Counts every save ever made here, also of masks that are not in force any more. A verdict on another verdict counts for nobody.', rows: people, columns: PERSON_COLUMNS, file: `${name} people`, nothing: 'Nobody saved a mask yet.' }).element,
    ),
  ];
}

/** A bar of the faces by status; without a face, what to do next. */
function progress(numFaces, all) {
  if (!all) return make('p', {}, 'This project has no faces yet. Pick some in the Sample tab and add them.');
  const text = (status) => `${numFaces[status].toLocaleString('en')} ${STATUSES[status]}`;
  const pieces = Object.keys(STATUSES).map((status) => {
    const piece = make('span', { 'data-status': status, title: text(status) });
    piece.style.flexGrow = numFaces[status];
    piece.hidden = !numFaces[status];
    return piece;
  });
  const legend = Object.keys(STATUSES).map((status) =>
    make('li', { 'data-status': status }, make('i', { 'aria-hidden': 'true' }), text(status)),
  );
  return make(
    'section',
    { class: 'fl-statistics-progress' },
    make('h3', {}, all === 1 ? '1 face' : `${all.toLocaleString('en')} faces`),
    make('div', { class: 'fl-statistics-bar', 'aria-hidden': 'true' }, ...pieces),
    make('ul', {}, ...legend),
  );
}
