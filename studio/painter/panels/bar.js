/** The bar above the image: undo, what the tool in hand offers, the view, cleaning, saving. */

import { COMMANDS, keyOf } from '../commands.js';
import { UNLABELLED } from '../labelmap.js';
import { MAX_SIZE, MIN_SIZE } from '../settings.js';
import { icon, iconButton, make, menu, slider } from './dom.js';
import { createSaveState } from './saved.js';

/**
 * @param {import('../studio.js').Studio} studio
 * @param {object} bridge see painter.js
 * @param {Set<string>} classKeys
 * @param {string} [done] label of the button
 */
export function createBar(studio, bridge, classKeys, done) {
  const parts = [
    historyButtons(studio, classKeys),
    toolOptions(studio),
    viewControls(studio, classKeys),
    make('div', { class: 'fl-group' }, cleanMenu(studio), ...copyMenu(studio, bridge), helpButton(studio)),
    createSaveState(studio, done),
  ];
  return make('div', { class: 'fl-top', role: 'toolbar', 'aria-label': 'Painting' }, ...parts);
}

function historyButtons(studio, classKeys) {
  const undo = iconButton('undo', 'Undo', () => studio.undo(), { shortcut: keyOf('undo', classKeys).replace('z', 'Z') });
  const redo = iconButton('redo', 'Redo', () => studio.redo(), { shortcut: 'Ctrl+Shift+Z' });
  const update = () => {
    undo.disabled = studio.isReadOnly || !studio.desk.history.undoCount;
    redo.disabled = studio.isReadOnly || !studio.desk.history.redoCount;
  };
  studio.listen((what) => ['map', 'face'].includes(what) && update());
  update();
  return make('div', { class: 'fl-group' }, undo, redo);
}

/** One element per tool, only the one in hand is shown. */
function toolOptions(studio) {
  const { settings } = studio;
  const hint = (text) => make('span', { class: 'fl-hint' }, text);
  const beside = (text) => make('span', { class: 'fl-beside' }, text); // left out where room is short
  const options = {
    brush: [sizeControl(studio), checkbox(settings, 'usesPressure', ['Pen', beside(' pressure')], 'Pen pressure scales the size')],
    eraser: [sizeControl(studio)],
    accept: [sizeControl(studio)],
    smart: [levelControl(studio)],
    polygon: [hint('Enter closes · Backspace drops a corner · Esc gives up')],
    lasso: [hint('Drag around an area')],
    rectangle: [hint('Drag from corner to corner')],
    bucket: [checkbox(settings, 'fillsWholeFace', ['Whole face'], 'Every pixel of the class, not only the connected ones')],
    pick: [hint('Click to take the class under the pointer')],
  };
  const groups = Object.entries(options).map(([tool, content]) => {
    const group = make('div', { class: 'fl-group fl-options' }, ...content);
    settings.watch(['tool'], () => (group.hidden = settings.get('tool') !== tool));
    return group;
  });
  return make('div', { class: 'fl-options-slot' }, inHand(studio), ...groups);
}

/** The tool in hand and the class that it paints. */
function inHand(studio) {
  const { settings } = studio;
  const name = make('span', { class: 'fl-tool-name' });
  const swatch = make('span', { class: 'fl-swatch' });
  const label = make('span', { class: 'fl-class-name' });
  settings.watch(['tool', 'classId'], () => {
    const tool = settings.get('tool');
    const id = tool === 'eraser' ? UNLABELLED : settings.get('classId');
    swatch.hidden = label.hidden = tool === 'accept';
    name.textContent = COMMANDS[`tool.${tool}`].label;
    label.textContent = studio.nameOf(id);
    swatch.style.background = studio.colourOf(id);
  });
  return make('div', { class: 'fl-in-hand' }, name, swatch, label);
}

/** The slider is finer for small sizes: its position is the square root of the size. */
function sizeControl(studio) {
  const { settings } = studio;
  const range = make('input', { type: 'range', min: Math.sqrt(MIN_SIZE), max: Math.sqrt(MAX_SIZE), step: 'any', 'aria-label': 'Brush size', title: 'Brush size: [ and ], or Ctrl + wheel' });
  const number = make('input', { type: 'number', min: MIN_SIZE, max: MAX_SIZE, 'aria-label': 'Brush size in image pixels' });
  range.addEventListener('input', () => (settings.size = range.value ** 2));
  number.addEventListener('change', () => {
    settings.size = Number(number.value) || settings.size;
    number.value = settings.size;
  });
  settings.watch(['sizes', 'tool'], () => {
    if (settings.size === null) return;
    range.value = Math.sqrt(settings.size);
    range.setAttribute('aria-valuetext', `${settings.size} pixels`);
    number.value = settings.size;
  });
  return make('label', { class: 'fl-slider' }, make('span', {}, 'Size'), range, number, make('span', {}, 'px'));
}

function levelControl(studio) {
  const { settings } = studio;
  const range = make('input', { type: 'range', min: 0, step: 1, 'aria-label': 'Fineness of the regions', title: 'Coarse to fine: [ and ], or Ctrl + wheel' });
  const note = make('span', { class: 'fl-hint' });
  range.addEventListener('input', () => settings.set('level', Number(range.value)));
  const update = () => {
    const count = studio.desk?.superpixels.count ?? 0;
    if (count && settings.get('level') >= count) settings.set('level', count - 1);
    range.max = Math.max(0, count - 1);
    range.value = settings.get('level');
    range.disabled = count < 2;
    note.textContent = count ? `level ${settings.get('level') + 1} of ${count}` : (studio.desk?.regionsNote ?? '');
    note.title = note.textContent;
  };
  settings.watch(['level'], update);
  studio.listen((what) => what === 'face' && update());
  return make('label', { class: 'fl-slider' }, make('span', {}, 'Coarse'), range, make('span', {}, 'Fine'), note);
}

function checkbox(settings, name, label, title) {
  const input = make('input', { type: 'checkbox' });
  input.addEventListener('change', () => settings.set(name, input.checked));
  settings.watch([name], () => (input.checked = settings.get(name)));
  return make('label', { class: 'fl-check', title }, input, make('span', {}, ...label));
}

function viewControls(studio, classKeys) {
  const { settings } = studio;
  const outline = iconButton('outline', 'Outlines only', () => settings.set('outline', !settings.get('outline')), { shortcut: keyOf('outline', classKeys) });
  settings.watch(['outline'], () => outline.setAttribute('aria-pressed', settings.get('outline')));
  const percent = (value) => `${Math.round(value * 100)} %`;
  return make(
    'div',
    { class: 'fl-group' },
    slider(settings, 'opacity', 'Mask', { min: 0, max: 1, step: 0.01, show: percent }),
    outline,
    peekButton(settings, keyOf('peek', classKeys)),
    imageMenu(settings),
    iconButton('fit', 'Fit to window', () => studio.fit(), { shortcut: keyOf('fit', classKeys) }),
  );
}

/** Hides the mask while it is pressed. */
function peekButton(settings, shortcut) {
  const button = iconButton('peek', 'Hide the mask while held', () => {}, { shortcut });
  const peek = (isPeeking) => () => settings.set('isPeeking', isPeeking);
  button.addEventListener('pointerdown', peek(true));
  for (const type of ['pointerup', 'pointerleave', 'pointercancel', 'blur']) button.addEventListener(type, peek(false));
  settings.watch(['isPeeking'], () => button.setAttribute('aria-pressed', settings.get('isPeeking')));
  return button;
}

function imageMenu(settings) {
  const reset = make('button', { type: 'button', onclick: () => ['brightness', 'contrast'].forEach((name) => settings.set(name, 0)) }, 'Reset');
  const panel = menu(
    'image',
    'Image brightness and contrast',
    slider(settings, 'brightness', 'Brightness', { min: -100, max: 100 }),
    slider(settings, 'contrast', 'Contrast', { min: -100, max: 100 }),
    reset,
  );
  settings.watch(['brightness', 'contrast'], () => {
    panel.classList.toggle('fl-active', settings.get('brightness') !== 0 || settings.get('contrast') !== 0);
  });
  return panel;
}

function cleanMenu(studio) {
  const { settings } = studio;
  const scope = make('select', { 'aria-label': 'Which classes' }, make('option', { value: 'one' }, 'the class in hand'), make('option', { value: 'all' }, 'all classes'));
  const size = make('input', { type: 'number', min: 1, max: 100000, 'aria-label': 'Largest area in pixels' });
  size.addEventListener('change', () => settings.set('cleanSize', Math.max(1, Math.round(Number(size.value)) || 1)));
  settings.watch(['cleanSize'], () => (size.value = settings.get('cleanSize')));
  const run = (what) => () => studio.clean(what, scope.value === 'all' ? null : settings.get('classId'));
  return menu(
    'clean',
    'Clean up specks and holes',
    make('label', { class: 'fl-row' }, 'In', scope),
    make('label', { class: 'fl-row' }, 'Up to', size, 'pixels'),
    make('button', { type: 'button', onclick: run('specks'), title: 'Small islands take the class around them' }, 'Remove specks'),
    make('button', { type: 'button', onclick: run('holes'), title: 'Small holes take the class around them' }, 'Fill holes'),
  );
}

/** Only if the bridge knows of revisions. */
function copyMenu(studio, bridge) {
  if (!bridge.revisions || !bridge.revisionMap) return [];
  const revision = make('select', { 'aria-label': 'Revision' });
  const copy = (isWhole) => () => studio.copyRevision(revision.value, isWhole ? null : studio.settings.get('classId'));
  const panel = menu(
    'copy',
    'Copy from another revision',
    make('label', { class: 'fl-row' }, 'From', revision),
    make('button', { type: 'button', onclick: copy(false) }, 'Copy the class in hand'),
    make('button', { type: 'button', onclick: copy(true) }, 'Copy the whole mask'),
  );
  panel.addEventListener('toggle', async () => {
    if (!panel.open || !studio.session) return;
    const revisions = await studio.ask(() => bridge.revisions(studio.session.faceId));
    revision.replaceChildren(...(revisions ?? []).map(({ id, label }) => make('option', { value: id }, label)));
  });
  return [panel];
}

function helpButton(studio) {
  const button = iconButton('help', 'Keys and gestures', () => studio.showHelp(), { shortcut: '?' });
  button.replaceChildren(icon('help'));
  return button;
}
