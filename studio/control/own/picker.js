/** The panel in which a slider is made: faces with something, faces without it, and its name. */

import { Api } from '../../annotate/api.js';
import { make } from '../../painter/panels/dom.js';
import { FaceGrid } from './grid.js';

const LAST_USED = 'faceloom.project';
const [PAGE, MOST_SHOWN] = [500, 3000];
const PART_NAMES = { all: 'Everything', shape: 'Shape, pose, expression', colours: 'Colours, fine detail' };
const HOW = 'Click a face that has it: with. Click again, or Shift+click: without. Keys: arrows, W, O, Delete.';
const MAKE = 'Make slider';
const GOOD = 10; // faces a side from which on a slider is mostly clear

/**
 * @param {object} parts
 * @param {HTMLElement} parts.host
 * @param {string} parts.base address of the page
 * @param {object} parts.options as the server says what there is
 * @param {object} parts.draft what was chosen before; is kept up to date
 * @param {(wanted: object) => Promise<void>} parts.begin throws an error that is shown
 */
export async function openPicker({ host, base, options, draft, begin }) {
  const api = new Api(base, '');
  const { projects } = await api.projects();
  const filled = projects.filter(({ num_faces: counts }) => total(counts) > 0);
  const { fewest, parts, holds } = options.own;

  const complaint = make('p', { class: 'fl-an-complaint', role: 'alert', hidden: true });
  const complain = (text) => {
    complaint.textContent = text;
    complaint.hidden = !text;
  };
  const note = make('span', { class: 'fl-co-quiet fl-co-picked', role: 'status' });
  const name = make('input', { name: 'title', maxlength: 60, autocomplete: 'off', spellcheck: 'false', placeholder: 'Freckles', required: true });
  name.value = draft.title;
  name.addEventListener('input', () => (draft.title = name.value, update()));
  const part = make('select', { name: 'part' }, ...parts.map((each) => make('option', { value: each }, PART_NAMES[each] ?? each)));
  part.value = draft.part;
  part.addEventListener('change', () => (draft.part = part.value));
  const chips = holds.map((each) => createChip(each, draft.hold));
  const keep = make('div', { class: 'fl-co-holds', role: 'group', 'aria-label': 'Hold', hidden: Boolean(options.missing.control) }, make('span', { title: 'What must not change along with it, as far as the model of attributes sees it' }, 'Hold'), ...chips);

  const grid = new FaceGrid(options.generator_sha256, () => update());
  const none = make('p', { class: 'fl-co-pick-none', hidden: true });
  const project = make('select', { name: 'project', 'aria-label': 'Project' }, ...filled.map(({ id, name: called, num_faces: counts }) => make('option', { value: id }, `${called} (${total(counts)})`)));
  const rest = make('button', { type: 'button', title: 'Every face without a mark', onclick: () => grid.markRest('without') }, 'Mark rest as without');
  const clear = make('button', { type: 'button', onclick: () => grid.clear() }, 'Clear');
  const submit = make('button', { type: 'submit', class: 'fl-an-primary' }, MAKE);
  const cancel = make('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');

  const form = make('form', { method: 'dialog' },
    make('div', { class: 'fl-co-pick-top' }, make('h2', {}, 'A slider of your own'), make('label', {}, 'Project', project), make('span', { class: 'fl-an-space' }), clear, rest),
    make('p', {}, HOW),
    make('div', { class: 'fl-co-pick-scroll' }, none, grid.element),
    make('div', { class: 'fl-co-pick-how' }, make('label', {}, 'Name', name), make('label', { title: 'Which layers of the generator it moves' }, 'Changes', part), keep),
    complaint,
    make('div', { class: 'fl-an-buttons' }, note, cancel, submit));
  const dialog = make('dialog', { class: 'fl-an-dialog fl-an-box fl-co-picker', 'aria-label': 'A slider of your own' }, form);

  const update = () => {
    const [has, lacks] = [grid.ids('with').length, grid.ids('without').length];
    const isEnough = has >= fewest && lacks >= fewest;
    submit.disabled = !isEnough || !name.value.trim();
    const wish = !isEnough ? `At least ${fewest} of each are needed.` : Math.min(has, lacks) < GOOD ? `${GOOD} and more of each make a clear slider.` : '';
    const { other } = grid.counts;
    note.textContent = [`${has} with, ${lacks} without.`, wish, other ? `${other} of another generator cannot be used.` : ''].filter(Boolean).join(' ');
    clear.disabled = !has && !lacks;
    rest.disabled = !has;
    complain('');
  };
  const load = async () => {
    const id = Number(project.value);
    draft.project = id;
    grid.show([], new Map());
    const faces = await allFaces(api, id);
    if (draft.project !== id) return; // another one was chosen meanwhile
    if (!draft.marks.has(id)) draft.marks.set(id, new Map());
    grid.show(faces, draft.marks.get(id));
    none.hidden = grid.counts.fit > 0;
    none.textContent = `None of these faces was made by ${options.generator}. Choose another project.`;
  };
  project.addEventListener('change', () => load().catch((error) => complain(error.message)));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    submit.textContent = 'Fitting …';
    const held = options.missing.control ? [] : [...draft.hold];
    try {
      await begin({ generator: options.generator, project_id: draft.project, with_faces: grid.ids('with'), without_faces: grid.ids('without'), title: name.value.trim(), part: part.value, hold: held });
      dialog.close();
    } catch (error) {
      complain(error.message);
      submit.disabled = false;
    }
    submit.textContent = MAKE;
  });
  dialog.addEventListener('close', () => dialog.remove());
  host.append(dialog);
  dialog.showModal();
  update();
  if (!filled.length) {
    project.closest('label').hidden = true;
    none.hidden = false;
    none.textContent = 'There is no project with faces yet. Add some first: in the Sample tab with “Add to project”, or here with “Add to project” below the sliders.';
    return;
  }
  const last = String(draft.project ?? localStorage.getItem(LAST_USED));
  project.value = filled.some(({ id }) => String(id) === last) ? last : filled.at(-1).id;
  await load().catch((error) => complain(error.message));
}

/** @param {Set<string>} hold is kept up to date */
function createChip(name, hold) {
  const chip = make('button', { type: 'button', 'data-hold': name, 'aria-pressed': String(hold.has(name)) }, name.charAt(0).toUpperCase() + name.slice(1));
  chip.addEventListener('click', () => {
    if (!hold.delete(name)) hold.add(name);
    chip.setAttribute('aria-pressed', hold.has(name));
  });
  return chip;
}

async function allFaces(api, project) {
  const found = [];
  for (;;) {
    const { total: all, faces } = await api.faces(project, { offset: found.length, limit: PAGE });
    found.push(...faces);
    if (!faces.length || found.length >= Math.min(all, MOST_SHOWN)) return found;
  }
}

function total(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
