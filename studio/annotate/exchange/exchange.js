/** Masks out of a project and into it, as a zip file. */

import { make } from '../../painter/panels/dom.js';
import { createExport } from './export.js';
import { createImport } from './import.js';

/**
 * @param {{api: import('../api.js').Api, onImported: (report: object) => void}} parts onImported: masks
 *   were added to the project
 * @returns {{element: HTMLDialogElement, show: (project: object) => Promise<void>}}
 */
export function createExchange({ api, onImported }) {
  const title = make('h2');
  const close = make('button', { type: 'button', autofocus: true, onclick: () => element.close() }, 'Close');
  const out = createExport(api);
  const into = createImport(api, onImported);
  const trouble = make('p', { class: 'fl-exchange-trouble', role: 'alert', hidden: true });
  const parts = make('div', { class: 'fl-exchange-parts' }, out.element, into.element);
  const element = make('dialog', { class: 'fl-sheet fl-exchange', 'aria-label': 'Export and import' }, make('header', {}, title, close), trouble, parts);
  element.addEventListener('click', (event) => event.target === element && element.close());
  let formats = null;
  const show = async (project) => {
    title.textContent = `Masks of ${project.name}`;
    trouble.hidden = true;
    if (!element.open) element.showModal();
    try {
      formats ??= await api.formats();
      out.show(project, formats);
      into.show(project, formats);
      out.showCounts(await api.project(project.id));
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  };
  return { element, show };
}
