/** The half of the dialog that writes masks to a zip file. */

import { make } from '../../painter/panels/dom.js';
import { checkBox, createFormatChoice } from './fields.js';

const STATUSES = { draft: 'drafts', done: 'done', accepted: 'accepted', rejected: 'rejected' };
const TAKEN_AT_FIRST = ['done', 'accepted'];

/** @param {import('../api.js').Api} api */
export function createExport(api) {
  let project = null;
  let numMasks = null; // faces with a mask; null: not known yet
  const format = createFormatChoice(() => update());
  const boxes = Object.entries(STATUSES).map(([status, text]) => checkBox(status, text, TAKEN_AT_FIRST.includes(status)));
  const pictures = checkBox('pictures', 'with the pictures of the faces');
  const said = make('p', { class: 'fl-exchange-said', role: 'status', 'aria-live': 'polite' });
  const link = make('a', { class: 'fl-exchange-main', target: 'fl-exchange-download', onclick: (event) => started(event) }, 'Download zip');
  // A refusal arrives in here instead of taking the page's place; a file is downloaded.
  const frame = make('iframe', { name: 'fl-exchange-download', hidden: true, title: 'Download', onload: () => refused() });

  const hindrance = () => {
    if (!project) return 'Loading…';
    if (!boxes.some(({ box }) => box.checked)) return 'Choose at least one status.';
    return numMasks === 0 ? 'This project has no masks yet. Paint or import some first.' : '';
  };
  const update = () => {
    const reason = hindrance();
    said.textContent = reason;
    said.classList.remove('fl-bad');
    link.setAttribute('aria-disabled', Boolean(reason));
    if (reason) return link.removeAttribute('href');
    const statuses = boxes.filter(({ box }) => box.checked).map(({ box }) => box.name);
    link.href = api.exportUrl(project.id, format.value, statuses, { hasPictures: pictures.box.checked });
  };
  const started = (event) => {
    if (link.hasAttribute('href')) said.textContent = 'The masks are being packed; the download starts by itself.';
    else event.preventDefault();
    said.classList.remove('fl-bad');
  };
  const refused = () => {
    const text = frame.contentDocument?.querySelector('pre')?.textContent;
    if (!text) return;
    said.textContent = messageOf(text);
    said.classList.add('fl-bad');
  };
  for (const { box } of [...boxes, pictures]) box.addEventListener('change', update);

  const element = make(
    'section',
    { class: 'fl-exchange-part', 'aria-label': 'Export' },
    make('h3', {}, 'Export'),
    format.element,
    make('fieldset', {}, make('legend', {}, 'Masks that are'), ...boxes.map((each) => each.element)),
    make('p', { class: 'fl-exchange-about' }, 'Of each face the newest finished mask is taken, also where somebody paints a draft on top of it. With drafts, the mask in force.'),
    pictures.element,
    make('div', { class: 'fl-exchange-go' }, link, said),
    frame,
  );
  const show = (its, formats) => {
    if (its.id !== project?.id) numMasks = null;
    project = its;
    format.show(formats.filter(({ can_export: isPossible }) => isPossible));
  };
  const showCounts = ({ id, num_faces: numFaces }) => {
    if (id !== project?.id) return;
    numMasks = Object.values(numFaces).reduce((sum, count) => sum + count, 0) - numFaces.todo;
    boxes.forEach(({ element: label, box }) => (label.lastChild.textContent = `${STATUSES[box.name]} (${numFaces[box.name].toLocaleString('en')})`));
    update();
  };
  return { element, show, showCounts };
}

function messageOf(text) {
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
