/** The half of the dialog that reads masks from a zip file. */

import { make } from '../../painter/panels/dom.js';
import { checkBox, choice, createFormatChoice } from './fields.js';
import { megabytes, reportOf } from './report.js';

const FORMATS_WITH_ORDERS = ['index'];
const MATCHES = [
  ['auto', 'as masks.json of an export says'],
  ['seed', 'by seed: 12.png is the face of seed 12'],
  ['position', 'by position: 0.png is the first face here'],
  ['id', 'by the number of the face in this database'],
];
const ORDERS = [
  ['scheme', 'classes of this project'],
  ['celebamask', 'CelebAMask-HQ, order of its g_mask.py'],
  ['bisenet', 'CelebAMask-HQ, order of face-parsing.PyTorch'],
];
const ZIP_START = 'PK';

/** @param {import('../api.js').Api} api @param {(report: object) => void} onImported */
export function createImport(api, onImported) {
  let project = null;
  let file = null;
  let isBusy = false;
  const order = choice('order', 'Numbers mean', ORDERS);
  const format = createFormatChoice((name) => (order.element.hidden = !FORMATS_WITH_ORDERS.includes(name)));
  const match = choice('match', 'Whose masks', MATCHES);
  const status = choice('status', 'They are', [['draft', 'drafts, to be gone over'], ['done', 'done, to be reviewed']]);
  const replace = checkBox('replace', 'put them in force on faces that have a mask');
  const resize = checkBox('resize', 'fit masks of other sizes to their faces');
  const input = make('input', { type: 'file', accept: '.zip,application/zip', onchange: () => choose(input.files) });
  const name = make('span', { class: 'fl-exchange-file' }, 'Drop a zip file here, or choose one');
  const drop = make('label', { class: 'fl-exchange-drop' }, input, name);
  const send = make('button', { type: 'button', class: 'fl-exchange-main', disabled: true, onclick: () => start() }, 'Import');
  const progress = make('progress', { hidden: true, 'aria-label': 'Importing' });
  const said = make('div', { class: 'fl-exchange-said', role: 'status', 'aria-live': 'polite' });

  const say = (isBad, ...content) => {
    said.replaceChildren(...content);
    said.classList.toggle('fl-bad', isBad);
  };
  const update = () => {
    send.disabled = isBusy || !file || !project;
    progress.hidden = !isBusy;
    name.textContent = file ? `${file.name} (${megabytes(file.size)})` : 'Drop a zip file here, or choose one';
    drop.classList.toggle('fl-chosen', Boolean(file));
  };
  const choose = async (files) => {
    if (isBusy || !files.length) return;
    file = null;
    const [first] = files;
    if (files.length > 1) say(true, `These are ${files.length} files. Put the masks into one zip file.`);
    else if (!(await isZip(first))) say(true, `${first.name} is no zip file. Put the masks into a zip file.`);
    else {
      file = first;
      say(false);
    }
    input.value = '';
    update();
  };
  const start = async () => {
    isBusy = true;
    say(false, `Sending ${megabytes(file.size)}, then every mask is looked at…`);
    update();
    const options = { status: status.select.value, match: match.select.value, replace: replace.box.checked, resize: resize.box.checked };
    if (!order.element.hidden) options.order = order.select.value;
    try {
      const report = await api.importMasks(project.id, format.value, file, options);
      say(report.problems.length > 0, ...reportOf(report));
      if (report.num_imported) onImported(report);
      if (!report.problems.length) file = null;
    } catch (error) {
      const unsure = error.isRefusal ? '' : ' It may have arrived all the same: masks that are there already are not kept twice.';
      say(true, make('p', {}, error.message + unsure));
    }
    isBusy = false;
    update();
  };
  acceptDrops(drop, choose);

  const element = make(
    'section',
    { class: 'fl-exchange-part', 'aria-label': 'Import' },
    make('h3', {}, 'Import'),
    format.element,
    order.element,
    match.element,
    status.element,
    replace.element,
    resize.element,
    make('p', { class: 'fl-exchange-about' }, 'All masks of the file are kept, or none. Nothing is overwritten: a face that has a mask keeps it in force, and gets the new one beside it in its history, from where it can be restored.'),
    drop,
    make('div', { class: 'fl-exchange-go' }, send, progress),
    said,
  );
  const show = (its, formats) => {
    if (its.id !== project?.id && !isBusy) say(false);
    project = its;
    format.show(formats.filter(({ can_import: isPossible }) => isPossible));
    update();
  };
  return { element, show };
}

async function isZip(file) {
  return (await file.slice(0, 2).text().catch(() => '')) === ZIP_START;
}

function acceptDrops(element, take) {
  const mark = (isOver) => (event) => {
    event.preventDefault();
    element.classList.toggle('fl-over', isOver);
  };
  element.addEventListener('dragover', mark(true));
  element.addEventListener('dragleave', mark(false));
  element.addEventListener('drop', (event) => {
    mark(false)(event);
    take(event.dataTransfer.files);
  });
}
