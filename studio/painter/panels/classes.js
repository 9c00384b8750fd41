/** The list of classes on the right: colour, name, key, pixels; visible or not, locked or not. */

import { UNLABELLED } from '../labelmap.js';
import { UNLABELLED_COLOUR } from '../overlay.js';
import { ANYTHING } from '../protect.js';
import { icon, iconButton, make } from './dom.js';

const number = new Intl.NumberFormat('en', { useGrouping: true });

/** @param {import('../studio.js').Studio} studio */
export function createClassList(studio) {
  const entries = [...studio.scheme.classes, { id: UNLABELLED, name: 'not labelled', color: null, key: null }];
  const rows = entries.map((entry) => createRow(studio, entry));
  const list = make('ul', { class: 'fl-classes', 'aria-label': 'Classes' }, ...rows.map((row) => row.element));
  studio.settings.watch(['classId', 'tool', 'hidden', 'locked'], () => rows.forEach((row) => row.update()));
  studio.listen((what) => ['map', 'face'].includes(what) && rows.forEach((row) => row.count()));
  return make('div', { class: 'fl-side' }, list, onlyOnSelect(studio));
}

function createRow(studio, { id, name, color, key }) {
  const { settings } = studio;
  const isRest = id === UNLABELLED;
  const pixels = make('span', { class: 'fl-pixels' });
  const swatch = make('span', { class: 'fl-swatch' });
  if (color) swatch.style.background = color;
  const keyCap = make('kbd', {}, key?.toUpperCase() ?? '');
  const title = isRest ? 'Pixels without a class; painted by the eraser' : `${name}${key ? ` (${key.toUpperCase()})` : ''}`;
  const select = make('button', { type: 'button', class: 'fl-class', title, onclick: () => (isRest ? settings.set('tool', 'eraser') : studio.selectClass(id)) }, swatch, make('span', { class: 'fl-name' }, name), pixels, keyCap);
  const eye = iconButton('peek', '', (event) => (event.altKey ? showOnly(studio, id) : settings.toggle('hidden', id)));
  const lock = iconButton('unlock', '', () => settings.toggle('locked', id));
  const element = make('li', { 'data-class': id }, select, eye, lock);

  const update = () => {
    const isErasing = settings.get('tool') === 'eraser';
    const isChosen = isRest ? isErasing : !isErasing && settings.get('classId') === id;
    const [isHidden, isLocked] = [settings.get('hidden').has(id), settings.get('locked').has(id)];
    if (isRest) swatch.style.background = isHidden ? 'transparent' : UNLABELLED_COLOUR;
    select.setAttribute('aria-pressed', isChosen);
    element.classList.toggle('fl-chosen', isChosen);
    mark(eye, isHidden ? 'hidden' : 'peek', `${isHidden ? 'Show' : 'Hide'} ${name}`, isHidden);
    mark(lock, isLocked ? 'lock' : 'unlock', `${isLocked ? 'Unlock' : 'Lock'} ${name}`, isLocked);
  };
  const count = () => {
    const text = studio.desk ? number.format(studio.desk.map.counts[id]) : '';
    if (pixels.textContent !== text) pixels.textContent = text;
    element.classList.toggle('fl-unused', text === '0');
  };
  return { element, update, count };
}

function mark(button, drawing, label, isOn) {
  button.replaceChildren(icon(drawing));
  button.title = label;
  button.setAttribute('aria-label', label);
  button.setAttribute('aria-pressed', isOn);
}

/** Hides all other classes, or shows all again. */
function showOnly(studio, id) {
  const { settings } = studio;
  const others = studio.scheme.classes.map((each) => each.id).filter((other) => other !== id);
  const isAlone = others.every((other) => settings.get('hidden').has(other));
  settings.set('hidden', new Set(isAlone ? [UNLABELLED] : [...others, ...(id === UNLABELLED ? [] : [UNLABELLED])]));
}

function onlyOnSelect(studio) {
  const { settings } = studio;
  const option = (value, text) => make('option', { value }, text);
  const select = make(
    'select',
    { title: 'Every tool leaves all other pixels as they are' },
    option(ANYTHING, 'anything'),
    option(UNLABELLED, 'not labelled'),
    ...studio.scheme.classes.map(({ id, name }) => option(id, name)),
  );
  select.addEventListener('change', () => {
    settings.set('onlyOn', select.value === ANYTHING ? ANYTHING : Number(select.value));
    studio.focus();
  });
  const row = make('label', { class: 'fl-only' }, 'Paint only on', select);
  settings.watch(['onlyOn'], () => {
    select.value = settings.get('onlyOn');
    row.classList.toggle('fl-active', settings.get('onlyOn') !== ANYTHING);
  });
  return row;
}
