/** The column at the left: project, progress, filter, faces, person. */

import { iconButton, make } from '../painter/panels/dom.js';
import { askProject } from './dialogs.js';
import { FaceList } from './facelist.js';
import { createFilter, createProgress } from './progress.js';

/** @param {import('./work.js').Work} work @param {HTMLElement} host for dialogs */
export function newProject(work, host) {
  const names = (work.projects ?? []).map(({ name }) => name);
  return askProject(host, names.length ? '' : 'faces', (name, scheme) => work.create(name, scheme));
}

/**
 * @param {object} parts
 * @param {import('./work.js').Work} parts.work
 * @param {import('./api.js').Api} parts.api
 * @param {HTMLElement} parts.host for dialogs
 * @param {HTMLElement} parts.person
 */
export function createSidebar({ work, api, host, person }) {
  return make(
    'aside',
    { class: 'fl-an-side fl-an-box', 'aria-label': 'Project and faces' },
    createProjectChoice(work, host),
    createProgress(work),
    createFilter(work),
    new FaceList(work, api).element,
    person,
  );
}

function createProjectChoice(work, host) {
  const select = make('select', { 'aria-label': 'Project', title: 'Project' });
  const add = make('button', { type: 'button', class: 'fl-an-new-project', title: 'New project', onclick: () => newProject(work, host) }, 'New');
  select.addEventListener('change', () => work.attempt(() => work.choose(Number(select.value))));
  const update = () => {
    const options = (work.projects ?? []).map(({ id, name }) => make('option', { value: id }, name));
    select.replaceChildren(...options);
    select.value = work.project?.id ?? '';
    select.disabled = !options.length;
  };
  work.listen((what) => what === 'projects' && update());
  return make('div', { class: 'fl-an-project' }, select, add);
}
