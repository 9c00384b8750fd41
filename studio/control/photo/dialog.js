/** Where a photo is chosen, uploaded and framed: the photo with its frame, and the photos that are there. */

import { askIn } from '../../annotate/dialogs.js';
import { make } from '../../painter/panels/dom.js';
import { takeDrops } from './drop.js';
import { drawCut, middleFrame } from './frame.js';
import { Framer } from './framer.js';
import { nameOf, setName } from './names.js';
import { stateOf } from './state.js';

const CUT = 256; // px of the small picture of what is cut out
const NEW = 'Drop a photo here, paste it, or choose a file.';
const PRIVATE = 'It stays in this workspace, without its name, place and camera, until you delete it.';
const HOW = 'Drag the frame, its corners or the knob above it; or use the wheel, arrows, + and −, comma and full stop.';
const NONE = 'No face was found. Put the frame by hand so that eyes and mouth lie on the dashed lines, or choose a photo from the front, sharp and lit.';
const SEVERAL = 'Several faces were found. Click the one you mean.';
const SPARED = 'Faces are made of this photo: another frame is that of a copy, and they stay.';

/**
 * @param {object} parts
 * @param {HTMLElement} parts.host
 * @param {import('../api.js').ControlApi} parts.api
 * @param {string} parts.generator
 * @param {string} [parts.photo] id of the one to begin with
 * @param {Blob | null} [parts.file] to upload at once
 * @param {string} [parts.title]
 * @param {string[]} [parts.spared] ids of photos that faces are made of which must stay
 * @param {(photo: object) => void} parts.onUse
 * @param {(id: string) => void} parts.onDelete
 */
export function openPhotos({ host, api, generator, photo = '', file = null, title = 'Your own photo', spared = [], onUse, onDelete }) {
  let photos = [];
  let chosen = null; // as the server describes it
  let image = null;
  let loading = null; // AbortController

  const complaint = make('p', { class: 'fl-an-complaint', role: 'alert', hidden: true });
  const complain = (text = '') => {
    complaint.textContent = text;
    complaint.hidden = !text;
  };
  const attempt = (act) => act().catch((error) => error.name !== 'AbortError' && complain(error.message));

  const picker = make('input', { type: 'file', accept: 'image/*', hidden: true, onchange: () => picker.files[0] && upload(picker.files[0]) });
  const choose = make('button', { type: 'button', onclick: () => picker.click() }, 'Choose a file …');
  const busy = make('div', { class: 'fl-co-photo-busy', role: 'status', hidden: true });
  const drop = make('div', { class: 'fl-co-photo-drop' }, make('p', {}, NEW), make('button', { type: 'button', class: 'fl-an-primary', onclick: () => picker.click() }, 'Choose a file …'), make('p', { class: 'fl-co-quiet' }, PRIVATE));
  const framer = new Framer({ onChange: () => showCut(), onPick: (face) => framer.set(face.frame) });
  const work = make('div', { class: 'fl-co-photo-work' }, drop, framer.element, busy);
  const hint = make('p', { class: 'fl-co-photo-hint', role: 'status' });

  const cut = make('canvas', { class: 'fl-co-photo-cut', width: CUT, height: CUT, role: 'img', 'aria-label': 'What is cut out' });
  const guides = make('div', { class: 'fl-co-photo-guides', 'aria-hidden': 'true', title: 'Eyes and mouth lie about here in the photos the generators learned from' });
  const again = make('button', { type: 'button', title: 'The frame as it was found', onclick: () => framer.set(foundFrame()) }, 'As found');
  const others = make('button', { type: 'button', onclick: () => (framer.frame = null, framer.show(chosen, image, null), showCut()) }, 'Another face');
  const tools = make('div', { class: 'fl-co-photo-tools' }, make('div', { class: 'fl-co-photo-cut-box' }, cut, guides), make('div', { class: 'fl-co-photo-tools-line' }, again, others));
  const list = make('ol', { class: 'fl-co-photo-list', 'aria-label': 'Photos of this workspace' });
  const notes = make('ul', { class: 'fl-co-photo-notes' });
  const side = make('div', { class: 'fl-co-photo-side' }, tools, notes, make('h3', {}, 'Photos'), list, choose);

  const submit = make('button', { type: 'submit', class: 'fl-an-primary' }, 'Use this face');
  const cancel = make('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
  const form = make('form', { method: 'dialog' }, make('h2', {}, title), make('div', { class: 'fl-co-photo-body' }, make('div', { class: 'fl-co-photo-left' }, work, hint), side), complaint, make('div', { class: 'fl-an-buttons' }, cancel, submit), picker);
  const dialog = make('dialog', { class: 'fl-an-dialog fl-an-box fl-co-photos', 'aria-label': title }, form);

  const foundFrame = () => {
    const best = chosen.faces.find(({ frame }) => isNear(frame, framer.frame));
    return (best ?? chosen.faces[0])?.frame ?? middleFrame(chosen.size);
  };

  const showCut = () => {
    const isFramed = Boolean(chosen && framer.frame);
    tools.hidden = !isFramed;
    submit.disabled = !isFramed || Boolean(loading);
    others.hidden = !chosen || chosen.faces.length < 2;
    if (isFramed) drawCut(cut, image, framer.frame, image.width / chosen.size[0]);
    const how = spared.includes(chosen?.id) ? `${SPARED} ${HOW}` : HOW;
    hint.textContent = !chosen ? '' : !isFramed ? SEVERAL : chosen.faces.length ? how : `${NONE} ${how}`;
    hint.dataset.tone = chosen && (!isFramed || !chosen.faces.length) ? 'warn' : '';
  };

  const wait = (text) => {
    busy.hidden = !text;
    busy.replaceChildren(...(text ? [make('progress', {}), make('span', {}, text)] : []));
    form.setAttribute('aria-busy', Boolean(text));
  };

  /** One thing at a time: whatever was being loaded is given up. */
  const load = async (text, act) => {
    loading?.abort();
    const mine = (loading = new AbortController());
    complain();
    wait(text);
    submit.disabled = true;
    try {
      await act(mine.signal);
    } finally {
      if (loading === mine) {
        loading = null;
        wait('');
        showCut();
      }
    }
  };

  const show = async (found, signal) => {
    const response = await fetch(api.photoUrl(found.id, 'shown.jpg'), { signal });
    if (!response.ok) throw new Error('The photo cannot be shown. Upload it again.');
    const bitmap = await createImageBitmap(await response.blob());
    if (signal.aborted) return;
    chosen = found;
    image = bitmap;
    drop.hidden = true;
    framer.element.hidden = false;
    const { faces, frame, size } = found;
    framer.show(found, image, frame ?? (faces.length === 1 ? faces[0].frame : faces.length ? null : middleFrame(size)));
    notes.replaceChildren(...found.notes.map((note) => make('li', {}, note)));
    drawList();
    framer.element.focus({ preventScroll: true });
  };

  const upload = (blob) => attempt(() => load('Looking for faces …', async (signal) => {
    picker.value = '';
    const found = await api.uploadPhoto(blob, signal);
    setName(found.id, blob.name ?? '');
    photos = [found, ...photos];
    await show(found, signal);
  }));

  const open = (found) => attempt(() => load('', (signal) => show(found, signal)));

  const remove = async (found) => {
    const isDone = await askIn(host, {
      title: 'Delete this photo?',
      text: 'The photo, its latents and all pictures made of it here go for good. What was exported, downloaded or added to projects stays there.',
      fields: [],
      ok: 'Delete',
      accept: () => api.deletePhoto(found.id),
    });
    if (!isDone) return;
    photos = photos.filter(({ id }) => id !== found.id);
    setName(found.id, '');
    if (chosen?.id === found.id) clear();
    drawList();
    onDelete(found.id);
  };

  const clear = () => {
    chosen = framer.frame = null;
    drop.hidden = false;
    framer.element.hidden = true;
    notes.replaceChildren();
    showCut();
  };

  const drawList = () => {
    list.replaceChildren(...photos.map((found) => {
      const picture = make('img', { src: api.photoUrl(found.id, found.frame ? 'thumbnail.jpg' : 'shown.jpg', JSON.stringify(found.frame)), alt: '', draggable: 'false' });
      const state = stateOf(found, generator);
      const when = new Date(found.created_at).toLocaleDateString();
      const button = make('button', { type: 'button', class: 'fl-co-photo-one', 'aria-pressed': String(found.id === chosen?.id), onclick: () => open(found) }, picture, make('span', {}, state, make('small', {}, when)));
      const drop = make('button', { type: 'button', class: 'fl-co-photo-delete', title: 'Delete this photo and all of it', 'aria-label': `Delete photo of ${when}`, onclick: () => remove(found) }, '×');
      return make('li', {}, button, drop);
    }));
    side.querySelector('h3').hidden = list.hidden = !photos.length;
    choose.hidden = !chosen;
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(() => load('Finding its latents …', async () => {
      const found = await api.usePhoto(chosen.id, framer.frame, generator, spared.includes(chosen.id));
      setName(found.id, nameOf(chosen.id));
      dialog.close();
      onUse(found);
    }));
  });
  const paste = (event) => {
    const [blob] = event.clipboardData?.files ?? [];
    if (!blob || !dialog.open) return;
    event.preventDefault();
    upload(blob);
  };
  document.addEventListener('paste', paste);
  takeDrops(dialog, upload, work);
  dialog.addEventListener('close', () => {
    document.removeEventListener('paste', paste);
    loading?.abort();
    dialog.remove();
  });

  host.append(dialog);
  dialog.showModal();
  clear();
  drawList();
  attempt(async () => {
    const known = await api.photos();
    photos = [...photos, ...known.filter(({ id }) => !photos.some((each) => each.id === id))];
    drawList();
    const first = photos.find(({ id }) => id === photo);
    if (first && !file && !chosen && !loading) await open(first);
  });
  if (file) upload(file);
}

function isNear(one, other) {
  return other && Math.hypot(one.centre_x - other.centre_x, one.centre_y - other.centre_y) < one.side / 2;
}
