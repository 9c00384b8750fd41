/** The dialogs of the tab: a name for the person, a new project. */

import { make } from '../painter/panels/dom.js';

/**
 * Asks until there is an answer that `accept` takes, or the person gives up.
 * @param {HTMLElement} host
 * @param {{title: string, text?: string, fields: HTMLElement[], ok: string, isRequired?: boolean,
 *   accept: () => Promise<void>}} parts accept throws an error that is shown
 * @returns {Promise<boolean>} whether it was accepted
 */
export function askIn(host, { title, text = '', fields, ok, isRequired = false, accept }) {
  const complaint = make('p', { class: 'fl-an-complaint', role: 'alert', hidden: true });
  const cancel = make('button', { type: 'button', hidden: isRequired, onclick: () => dialog.close() }, 'Cancel');
  const submit = make('button', { type: 'submit', class: 'fl-an-primary' }, ok);
  const form = make('form', { method: 'dialog' }, make('h2', {}, title), make('p', { hidden: !text }, text), ...fields, complaint, make('div', { class: 'fl-an-buttons' }, cancel, submit));
  const dialog = make('dialog', { class: 'fl-an-dialog fl-an-box', 'aria-label': title }, form);
  dialog.addEventListener('cancel', (event) => isRequired && event.preventDefault());
  host.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        await accept();
        dialog.close('accepted');
      } catch (error) {
        complaint.textContent = error.message;
        complaint.hidden = false;
      }
      submit.disabled = false;
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'accepted');
    });
  });
}

/** @returns {Promise<string>} the name; as before if the person gives up */
export async function askName(host, name, isRequired) {
  const input = make('input', { name: 'person', required: true, maxlength: 80, autocomplete: 'nickname', spellcheck: 'false' });
  input.value = name;
  const isGiven = await askIn(host, {
    title: 'Your name',
    text: 'It stands beside every mask you save, so that others know whose work it is.',
    fields: [make('label', {}, 'Name', input)],
    ok: isRequired ? 'Start' : 'Change',
    isRequired,
    accept: async () => {
      if (!input.value.trim()) throw new Error('A name needs at least one letter.');
    },
  });
  return isGiven ? input.value.trim() : name;
}

/** @param {(name: string, scheme: string | null) => Promise<void>} create */
export function askProject(host, name, create) {
  const title = make('input', { name: 'project', required: true, maxlength: 100, autocomplete: 'off' });
  const file = make('input', { name: 'scheme', type: 'file', accept: '.yaml,.yml' });
  title.value = name;
  return askIn(host, {
    title: 'New project',
    text: 'A project is a set of faces that are painted with the same classes.',
    fields: [
      make('label', {}, 'Name', title),
      make('label', {}, 'Label scheme (YAML); without one: the 18 classes of a face', file),
    ],
    ok: 'Create',
    accept: async () => create(title.value.trim(), (await file.files[0]?.text()) ?? null),
  });
}
