/** The line below the picture: what is happening, and what the estimator says of the result. */

import { make } from '../painter/panels/dom.js';

/** @param {{onCancel: () => void, onGoOn: () => void}} on */
export function createTold({ onCancel, onGoOn }) {
  const text = make('span', { class: 'fl-co-says' });
  const mark = make('span', { class: 'fl-co-mark', hidden: true });
  const bar = make('progress', { 'aria-label': 'Progress', hidden: true });
  const cancel = make('button', { type: 'button', title: 'Stop (Esc)', 'aria-keyshortcuts': 'Escape', hidden: true, onclick: onCancel }, 'Cancel');
  const goOn = make('button', { type: 'button', hidden: true, onclick: onGoOn }, 'Go on');
  const notes = make('ul', { class: 'fl-co-notes', hidden: true });
  const line = make('div', { class: 'fl-co-told-line' }, text, mark, bar, cancel, goOn);
  const element = make('div', { class: 'fl-co-told', role: 'status' }, line, notes);

  const put = ({ says = '', tone = '', reached = null, isBusy = false, progress = null, isHalf = false, about = [] }) => {
    element.dataset.tone = tone;
    text.textContent = says;
    mark.hidden = reached === null;
    mark.textContent = reached ? '✓ as asked' : 'not reached';
    mark.dataset.reached = reached;
    bar.hidden = cancel.hidden = !isBusy;
    if (progress?.total) Object.assign(bar, { max: progress.total, value: progress.done });
    else bar.removeAttribute('value');
    goOn.hidden = !isHalf;
    notes.hidden = !about.length;
    notes.replaceChildren(...about.map((note) => make('li', {}, note)));
  };

  return {
    element,
    dragging: () => put({ says: 'Let go for the whole picture.', tone: 'quiet' }),
    watching: () => put({ says: 'As far as it has come; the whole picture follows at the end.', tone: 'quiet' }),
    step: ({ doing, done, total, unit }) => put({ says: total ? `${capital(doing)}: ${unit} ${Math.min(done + 1, total)} of ${total} …` : `${capital(doing)} …`, tone: 'quiet', isBusy: true, progress: { done, total } }),
    estimate: (told) => put({ says: inWords(told), tone: told ? '' : 'quiet', reached: told?.reached ?? null, about: told?.notes ?? [] }),
    stopped: () => put({ says: 'Stopped. This is how far it came.', tone: 'warn', isHalf: true }),
    trouble: (message) => put({ says: message, tone: 'bad', isHalf: true }),
    away: () => put({ says: 'The studio cannot be reached; what you set is kept. Trying again …', tone: 'warn' }),
  };
}

function inWords(told) {
  if (!told) return '';
  if (told.age === null) return 'Estimated: no face is found in this picture.';
  const gender = told.male > 0.5 ? 'male' : 'female';
  const share = Math.round(100 * Math.max(told.male, 1 - told.male));
  return `Estimated: ${told.age.toFixed(1)} years, ${gender} (${share} %)`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
