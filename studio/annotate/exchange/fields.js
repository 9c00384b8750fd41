/** Fields that export and import share. */

import { make } from '../../painter/panels/dom.js';

/** A choice of the formats, with a line about the chosen one. */
export function createFormatChoice(onChange = () => {}) {
  const select = make('select', { name: 'format' });
  const about = make('p', { class: 'fl-exchange-about' });
  let known = [];
  const update = () => {
    about.textContent = known.find(({ name }) => name === select.value)?.description ?? '';
    onChange(select.value);
  };
  select.addEventListener('change', update);
  /** @param {{name: string, description: string}[]} formats; what was chosen stays */
  const show = (formats) => {
    const before = select.value;
    known = formats;
    select.replaceChildren(...formats.map(({ name }) => make('option', { value: name }, name)));
    if (formats.some(({ name }) => name === before)) select.value = before;
    update();
  };
  const element = make('div', { class: 'fl-exchange-format' }, make('label', { class: 'fl-exchange-field' }, make('span', {}, 'Format'), select), about);
  return { element, show, get value() { return select.value; } };
}

/** A select with a name. @param {[string, string][]} options value and text */
export function choice(name, label, options) {
  const select = make('select', { name }, ...options.map(([value, text]) => make('option', { value }, text)));
  return { select, element: make('label', { class: 'fl-exchange-field' }, make('span', {}, label), select) };
}

export function checkBox(name, label, isChecked = false) {
  const box = make('input', { type: 'checkbox', name });
  box.checked = isChecked;
  return { box, element: make('label', { class: 'fl-exchange-check' }, box, label) };
}
