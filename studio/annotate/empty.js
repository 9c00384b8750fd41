/** What stands in the painter's place while no face is open: what to do next. */

import { make } from '../painter/panels/dom.js';
import { FILTER_NAMES } from './work.js';

/**
 * @param {import('./work.js').Work} work
 * @param {() => void} makeProject
 */
export function createEmpty(work, makeProject) {
  const element = make('div', { class: 'fl-an-empty fl-an-box', hidden: true });
  const update = () => {
    const says = work.face ? null : reason(work, makeProject);
    element.hidden = !says;
    if (says) element.replaceChildren(...content(says));
  };
  work.listen((what) => ['projects', 'project', 'face', 'filter', 'mode', 'searching'].includes(what) && update());
  return element;
}

function content({ title, text, label, act }) {
  const button = make('button', { type: 'button', class: 'fl-an-primary', onclick: act }, label);
  return [make('h2', {}, title), make('p', {}, text), button];
}

function reason(work, makeProject) {
  if (!work.projects || work.isSearching) return null;
  if (!work.project) {
    return {
      title: 'No project yet',
      text: 'A project holds the faces you paint, the classes you paint them with, and every mask that was ever saved.',
      label: 'Make a project',
      act: makeProject,
    };
  }
  if (!work.count()) {
    return {
      title: `No faces in “${work.project.name}” yet`,
      text: 'Sample faces in the Sample tab, pick the good ones and press Add to a project.',
      label: 'Go to the Sample tab',
      act: () => showTab('sample'),
    };
  }
  if (work.filter === 'all') return null;
  const isEmpty = !work.count(work.statuses);
  const name = FILTER_NAMES[work.filter];
  return {
    title: isEmpty ? `No faces under ${name}` : `No free face under ${name}`,
    text: isEmpty ? emptyText(work) : 'Somebody has each of them open. Choose one at the left, or show all faces.',
    label: 'Show all faces',
    act: () => work.setFilter('all'),
  };
}

function emptyText({ filter, mode }) {
  if (mode === 'review') return 'Nothing waits for a review. Faces come here when they are marked as done.';
  if (filter === 'todo') return 'Every face was begun. Drafts and finished faces are under the other filters.';
  return 'Other filters have faces; the numbers beside them say how many.';
}

/** Presses a tab of the studio. @param {string} name as in studio/app.py, without 'tab-' */
export function showTab(name) {
  document.getElementById(`tab-${name}-button`)?.click();
}
