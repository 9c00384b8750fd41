/** What is in an export: contact sheet, histograms, card, what was dropped, its recipe, and how it is had. */

import { copy } from '../control/clipboard.js';
import { make } from '../painter/panels/dom.js';
import { bytes, count } from './words.js';

/** @param {import('./api.js').ExportApi} api @param {string} name */
export function createDetail(api, name, on) {
  const element = make('div', { class: 'fl-ex-detail', hidden: true });
  let facts = null;
  let maxZip = 0;
  let isWanted = false; // it is open, and what is shown is old

  const draw = async () => {
    isWanted = false;
    let found;
    try {
      found = await api.one(name);
    } catch (error) {
      return on.trouble(error);
    }
    const versioned = (file) => `${api.fileUrl(name, file)}?v=${found.faces}`;
    return element.replaceChildren(
      createHad(found),
      ...dropped(found),
      ...found.pictures.map((file) => make('figure', { class: file.startsWith('contact') ? 'fl-ex-contact' : null }, make('img', { src: versioned(file), alt: title(file), loading: 'lazy' }))),
      ...(found.looks.length ? [unfold(`Faces that were dropped (${found.looks.length} of them)`, () => make('div', { class: 'fl-ex-looks' }, ...found.looks.map((file) => make('img', { src: versioned(file), alt: 'A face that was dropped' }))))] : []),
      ...(found.has_card ? [unfold('Dataset card', async () => make('pre', {}, await api.text(name, 'README.md')))] : []),
      ...(found.text ? [unfold('Recipe', () => createRecipe(found.text))] : []),
      ...(found.log ? [unfold('End of the log', () => make('pre', {}, found.log))] : []),
    );
  };
  const createHad = (found) => {
    const path = make('input', { class: 'fl-ex-path', readonly: true, 'aria-label': 'Folder on the studio’s machine', onfocus: (event) => event.target.select() });
    path.value = found.path;
    const copyIt = make('button', { type: 'button', onclick: async () => (copyIt.textContent = (await copy(path.value, path)) ? 'Copied' : 'Select and copy it') }, 'Copy path');
    const isDone = found.state === 'done';
    const isSmall = found.bytes <= maxZip;
    const zip = make('a', { class: 'fl-ex-button', href: api.fileUrl(name, 'dataset.zip'), download: `${name}.zip` }, `Download zip (${bytes(found.bytes)})`);
    const note = make('span', { class: 'fl-ex-note' }, isDone && !isSmall ? `Larger than the ${bytes(maxZip)} that are sent as a zip file: copy the folder.` : '');
    return make('div', { class: 'fl-ex-had' }, ...(isDone && isSmall ? [zip] : []), path, copyIt, note);
  };
  const createRecipe = (text) => make('div', {}, make('pre', {}, text), make('button', { type: 'button', onclick: () => on.recipe(text) }, 'Use this recipe'));
  /** @param {boolean} isOther it stands elsewhere than before */
  const show = (given, limit, isOther) => {
    [facts, maxZip] = [given, limit];
    if (isOther) isWanted = true;
    if (isWanted && !element.hidden) draw();
  };
  const open = (isOpen) => {
    element.hidden = !isOpen;
    if (isOpen && facts) draw();
  };
  return { element, show, open };
}

function dropped({ dropped: reasons }) {
  const told = Object.entries(reasons).map(([reason, number]) => `${number.toLocaleString('en')} ${reason}`);
  if (!told.length) return [];
  const all = Object.values(reasons).reduce((sum, number) => sum + number, 0);
  return [make('p', { class: 'fl-ex-note' }, `${count(all, 'face')} dropped and made again: ${told.join(', ')}.`)];
}

/** What is fetched when it is first opened. @param {() => Node | Promise<Node>} create */
function unfold(heading, create) {
  const details = make('details', { class: 'fl-ex-unfold' }, make('summary', {}, heading));
  details.addEventListener('toggle', async () => details.open && details.children.length === 1 && details.append(await create()), { once: true });
  return details;
}

const title = (file) => (file.startsWith('contact') ? 'Contact sheet: faces from all over the dataset, each beside its mask' : `Histogram: ${file.replace(/.*\/|\.png$/g, '')}`);
