/** Whether the work is safe, and the button for being done. */

import { make } from './dom.js';

/** @param {import('../saving.js').SaveState} state @returns {string} for the person */
export function saveText({ phase, at, message }) {
  const texts = {
    clean: 'No changes',
    waiting: 'Saving…',
    saving: 'Saving…',
    safe: `Safe ${at ? clock(at) : ''}`,
    offline: `Kept on this computer, retrying: ${message}`,
    refused: `Not saved: ${message}`,
  };
  return texts[phase];
}

/** 12:03:04, in the person's time zone. */
export function clock(at) {
  return new Date(at).toTimeString().slice(0, 8);
}

/** @param {import('../studio.js').Studio} studio @param {string} [label] of the button */
export function createSaveState(studio, label = 'Done') {
  const text = make('span', { class: 'fl-saved', role: 'status', 'aria-live': 'polite' });
  const done = make('button', { type: 'button', class: 'fl-primary', title: 'Save and mark this face as done (Ctrl+Enter)', onclick: () => studio.finish() }, label);
  const update = () => {
    const state = studio.session?.saver.state ?? { phase: 'clean' };
    const shown = studio.session && studio.isReadOnly ? studio.readOnlyReason : saveText(state);
    if (text.textContent !== shown) text.textContent = shown;
    text.title = state.message || shown;
    text.dataset.phase = state.phase;
    done.disabled = studio.isReadOnly;
  };
  studio.listen((what) => ['save', 'face'].includes(what) && update());
  update();
  return make('div', { class: 'fl-group fl-work' }, text, done);
}
