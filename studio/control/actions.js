/** What can be done with a face: download it, add it to a project, pass its link or recipe on. */

import { Api } from '../annotate/api.js';
import { askIn } from '../annotate/dialogs.js';
import { SENT } from '../export/store.js';
import { make } from '../painter/panels/dom.js';
import { copy } from './clipboard.js';

const [NEW, FIRST_NAME, LAST_USED] = ['', 'faces', 'faceloom.project'];

/**
 * @param {{api: import('./api.js').ControlApi, store: import('./store.js').Store, kept: {recipes: () => object[]},
 *   strips: import('../annotate/strips.js').Strips, host: HTMLElement, attempt: (act: () => Promise<void>) => Promise<void>}} parts
 */
export function createActions(parts) {
  const { api, store } = parts;
  const button = (label, title, act) => make('button', { type: 'button', title, onclick: act }, label);
  const download = make('details', { class: 'fl-co-menu' }, make('summary', {}, 'Download'), make('div', { class: 'fl-co-menu-panel' },
    button('Picture (PNG)', 'At full size, with its recipe inside', () => save('face.png')),
    button('Latents (.npy)', 'float32 [layers, width]', () => save('face.npy')),
    button('Mask (PNG)', 'Class ids with their colours', () => save('mask.png'))));
  const save = (file) => {
    download.open = false;
    const link = make('a', { href: api.fileUrl(file, store.recipe), download: '' });
    parts.host.append(link);
    link.click();
    link.remove();
  };
  closeElsewhere(download);
  return make('div', { class: 'fl-co-actions' },
    download,
    button('Add to project', 'To paint or correct its mask there', () => parts.attempt(() => addToProject(parts))),
    button('Copy link', 'The address of this page with all that is set', () => copyLink(parts)),
    button('Recipe', 'As a YAML file, for exports and programs', () => parts.attempt(() => showRecipe(parts))));
}

async function addToProject({ api, store, strips, host }) {
  const { projects } = await new Api(api.base, '').projects();
  const select = make('select', { name: 'project', 'aria-label': 'Project' });
  const options = projects.map(({ id, name }) => make('option', { value: id }, name));
  select.append(...options, make('option', { value: NEW }, 'New project …'));
  const last = localStorage.getItem(LAST_USED);
  select.value = projects.some(({ id }) => String(id) === last) ? last : (projects.at(-1)?.id ?? NEW);
  const name = make('input', { name: 'name', maxlength: 100, autocomplete: 'off', spellcheck: 'false' });
  name.value = projects.length ? '' : FIRST_NAME;
  const nameLine = make('label', {}, 'Name of the new project', name);
  const showName = () => {
    nameLine.hidden = select.value !== NEW;
    name.required = !nameLine.hidden;
  };
  select.addEventListener('change', () => (showName(), name.required && name.focus()));
  showName();
  let done = null;
  const isAdded = await askIn(host, {
    title: 'Add this face to a project',
    fields: [make('label', {}, 'Project', select), nameLine],
    ok: 'Add',
    accept: async () => {
      done = await api.keep(store.recipe, select.value === NEW ? name.value.trim() : Number(select.value));
    },
  });
  if (!isAdded) return;
  localStorage.setItem(LAST_USED, done.project_id);
  const text = done.is_new ? `Added to “${done.project_name}”.` : `It was in “${done.project_name}” already.`;
  strips.show('added', text, { 'Annotate it': () => annotate(done.face_id), Close: () => {} });
}

/** The Annotate tab goes by the page's address: when it starts, or when it hears of a new one. */
function annotate(faceId) {
  window.history.replaceState(window.history.state, '', `#face=${faceId}`);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
  document.querySelector('#tab-annotate-button')?.click();
}

async function copyLink({ store, strips }) {
  const isCopied = await copy(store.link);
  strips.show('link', isCopied ? 'The link is copied.' : `Copy the page's address: ${store.link}`, isCopied ? {} : { Close: () => {} }, { seconds: isCopied ? 3 : null });
}

async function showRecipe({ api, store, kept, host, strips }) {
  const all = kept.recipes();
  const text = make('textarea', { class: 'fl-co-yaml', readonly: true, rows: 14, spellcheck: 'false', 'aria-label': 'Recipe' });
  const show = async (recipes) => {
    text.value = await api.recipeFile(recipes);
  };
  const which = make('select', { 'aria-label': 'Which faces' }, make('option', { value: 'this' }, 'This face'), ...(all.length ? [make('option', { value: 'kept' }, `The ${all.length} kept face${all.length > 1 ? 's' : ''}`)] : []));
  which.addEventListener('change', () => show(which.value === 'kept' ? all : [store.recipe]).catch((error) => (text.value = error.message)));
  const copyIt = make('button', { type: 'button', onclick: async () => (copyIt.textContent = (await copy(text.value, text)) ? 'Copied' : 'Select and copy it') }, 'Copy');
  const exportIt = make('button', { type: 'button', title: 'Opens the Export tab with this as its recipe', onclick: () => sendToExport(text) }, 'Export people like this');
  await show([store.recipe]);
  const isWanted = await askIn(host, {
    title: 'Recipe',
    text: 'Says how to make the same faces again: by the same generator, to the same picture.',
    fields: [which, text, make('div', { class: 'fl-co-line' }, copyIt, exportIt)],
    ok: 'Download',
    accept: async () => {},
  });
  if (!isWanted) return;
  const address = URL.createObjectURL(new Blob([text.value], { type: 'text/yaml' }));
  make('a', { href: address, download: 'faces.yaml' }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  strips.hide('trouble');
}

/** Leaves the recipe where the Export tab looks when it is opened. @param {HTMLTextAreaElement} text */
function sendToExport(text) {
  sessionStorage.setItem(SENT, text.value);
  text.closest('dialog').close();
  document.querySelector('#tab-export-button')?.click();
}

/** A menu that closes by Esc and by a click elsewhere. @param {HTMLDetailsElement} details */
export function closeElsewhere(details) {
  const close = (event) => !details.contains(event.target) && (details.open = false);
  details.addEventListener('toggle', () => {
    if (details.open) document.addEventListener('pointerdown', close, true);
    else document.removeEventListener('pointerdown', close, true);
  });
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    details.querySelector('summary').focus();
    event.stopPropagation();
  });
}
