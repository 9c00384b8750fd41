/** The revisions of the open face, and taking one of them over. */

import { make } from '../painter/panels/dom.js';
import { revisionLabel } from './bridge.js';

/**
 * @param {import('./work.js').Work} work
 * @param {import('./api.js').Api} api
 * @param {import('./easel.js').Easel} easel
 */
export function createHistory(work, api, easel) {
  const list = make('ol', {});
  const panel = make('div', { class: 'fl-an-panel' }, make('p', {}, 'Every save is kept. Taking one over is a step that can be undone.'), list);
  const details = make('details', { class: 'fl-an-history' }, make('summary', { title: 'All saves of this face' }, 'History'), panel);
  details.addEventListener('toggle', () => details.open && fill(list, work, api, take));
  const take = async (revision) => {
    details.open = false;
    await easel.painter.copyRevision(revision.id);
    easel.focus();
  };
  closeElsewhere(details);
  work.listen((what) => ['face', 'mode'].includes(what) && (details.open = false));
  return details;
}

async function fill(list, work, api, take) {
  list.replaceChildren(make('li', {}, 'Loading …'));
  const { face } = work;
  const revisions = (face && (await work.attempt(() => api.revisions(face.id)))) ?? [];
  const rows = revisions.reverse().map((revision) => createRow(revision, revision.id === work.face?.current?.id, take));
  list.replaceChildren(...(rows.length ? rows : [make('li', {}, 'Nothing was saved yet.')]));
}

function createRow(revision, isInForce, take) {
  const text = make('span', {}, revisionLabel(revision), make('small', {}, revision.comment));
  if (isInForce) return make('li', {}, text, make('b', {}, 'in force'));
  return make('li', {}, text, make('button', { type: 'button', onclick: () => take(revision) }, 'Take over'));
}

function closeElsewhere(details) {
  const close = (event) => {
    if (!details.contains(event.target)) details.open = false;
  };
  details.addEventListener('toggle', () => {
    if (details.open) document.addEventListener('pointerdown', close, true);
    else document.removeEventListener('pointerdown', close, true);
  });
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    event.stopPropagation();
  });
}
