/** The keyboard help, made from the commands themselves. */

import { COMMANDS, GESTURES, keyOf } from '../commands.js';
import { make } from './dom.js';

/**
 * @param {object} scheme see painter.js
 * @param {Set<string>} classKeys
 * @param {[string, [string, string][]][]} more sections of whoever put the painter on the page:
 *   title, and pairs of key and text
 * @returns {HTMLDialogElement}
 */
export function createHelp(scheme, classKeys, more = []) {
  const groups = new Map();
  for (const [id, command] of Object.entries(COMMANDS)) {
    if (!groups.has(command.group)) groups.set(command.group, []);
    groups.get(command.group).push([keyOf(id, classKeys), command.label]);
  }
  groups.set('Mouse, pen, fingers', GESTURES);
  const classes = scheme.classes.filter(({ key }) => key).map(({ key, name }) => [key, name]);
  const close = make('button', { type: 'button', class: 'fl-primary', autofocus: true }, 'Close');
  const sections = [...groups, ...more, ['Classes', classes]].map(([title, rows]) => section(title, rows));
  const dialog = make(
    'dialog',
    { class: 'fl-help', 'aria-label': 'Keys and gestures' },
    make('header', {}, make('h2', {}, 'Keys and gestures'), close),
    make('div', { class: 'fl-help-columns' }, ...sections),
  );
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  return dialog;
}

function section(title, rows) {
  const lines = rows.flatMap(([key, text]) => [make('dt', {}, make('kbd', {}, shown(key))), make('dd', {}, text)]);
  return make('section', {}, make('h3', {}, title), make('dl', {}, ...lines));
}

/** 'Ctrl+z' -> 'Ctrl+Z'. */
function shown(key) {
  return key.length === 1 ? key.toUpperCase() : key.replace(/(?<=\+).$/, (last) => last.toUpperCase());
}
