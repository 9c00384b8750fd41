/** The form's smallest parts. Each has a name, says what it is for, and has a place for what is wrong. */

import { make } from '../painter/panels/dom.js';

let last = 0;

/**
 * A line with a name before its control.
 * @param {string} title @param {HTMLElement} control @param {{about?: string, unit?: string}} [how]
 */
export function line(title, control, { about = '', unit = '' } = {}) {
  const name = make('span', { class: 'fl-ex-name', title: about || title }, title);
  const rest = unit ? [make('span', { class: 'fl-ex-unit' }, unit)] : [];
  return make('label', { class: 'fl-ex-line', title: about || null }, name, control, ...rest);
}

/** @param {(value: number | null) => void} onChange null: nothing is written */
export function number({ min, max, step = 1, label = '', onChange, className = '' }) {
  const input = make('input', { type: 'number', class: `fl-ex-number ${className}`, min, max, step, 'aria-label': label || null });
  input.addEventListener('input', () => !input.validity.badInput && onChange(input.value === '' ? null : Number(input.value)));
  return input;
}

export function check(title, onChange, about = '') {
  const input = make('input', { type: 'checkbox' });
  input.addEventListener('change', () => onChange(input.checked));
  return { input, element: make('label', { class: 'fl-ex-check', title: about || null }, input, make('span', {}, title)) };
}

/** @param {[string, string][]} choices value and title */
export function select(choices, onChange, label = null) {
  const element = make('select', { 'aria-label': label }, ...choices.map(([value, title]) => make('option', { value }, title)));
  element.addEventListener('change', () => onChange(element.value));
  return element;
}

/** Sets what is written in a field, but not under the hands of who writes. */
export function put(input, value) {
  const text = value === null || value === undefined ? '' : String(value);
  if (document.activeElement !== input && input.value !== text) input.value = text;
}

/**
 * A part of the form for one key of the recipe, with room for what is wrong there.
 * @param {string} key @param {...HTMLElement} content
 */
export function part(key, ...content) {
  const id = `fl-ex-complaint-${++last}`;
  const complaint = make('p', { class: 'fl-ex-complaint', role: 'alert', id, hidden: true });
  const element = make('div', { class: 'fl-ex-part', 'data-key': key }, ...content, complaint);
  /** @param {string} message '' for none */
  element.complain = (message) => {
    complaint.textContent = message;
    complaint.hidden = !message;
    element.classList.toggle('fl-ex-wrong', Boolean(message));
    for (const input of element.querySelectorAll('input, select')) {
      if (message) input.setAttribute('aria-describedby', id);
      else input.removeAttribute('aria-describedby');
      input.setAttribute('aria-invalid', Boolean(message));
    }
  };
  return element;
}

/** A section that folds; which ones are open is remembered. */
export function section(title, content, { isFolded = false, about = '' } = {}) {
  const key = `faceloom.export.folded.${title}`;
  const told = make('small', {});
  const open = (localStorage.getItem(key) ?? String(!isFolded)) === 'true';
  const element = make('details', { class: 'fl-ex-section', open }, make('summary', { title: about || null }, make('h3', {}, title), told), ...content);
  element.addEventListener('toggle', () => localStorage.setItem(key, element.open));
  /** @param {string} text what is set in it, seen while it is folded, too */
  element.tell = (text) => (told.textContent = text);
  return element;
}
