/** Puts the panels and the canvases together. */

import { createBar } from './bar.js';
import { createClassList } from './classes.js';
import { make } from './dom.js';
import { createHelp } from './help.js';
import { Notices } from './notices.js';
import { createStatusLine } from './status.js';
import { createToolColumn } from './tools.js';

/**
 * @param {HTMLElement} root emptied
 * @param {import('../studio.js').Studio} studio
 * @param {object} bridge see painter.js
 * @param {object} options see createPainter
 */
export function createFrame(root, studio, bridge, options) {
  const classKeys = new Set(studio.scheme.classes.map(({ key }) => key).filter(Boolean));
  const stage = make('canvas', { class: 'fl-stage' });
  const sketch = make('canvas', { class: 'fl-sketch', 'aria-hidden': 'true' });
  const notices = new Notices();
  const empty = make('p', { class: 'fl-nothing' }, 'No face is open.');
  const surface = make('div', { class: 'fl-surface', role: 'img', 'aria-label': 'Face with its mask' }, stage, sketch);
  const help = createHelp(studio.scheme, classKeys, options.help);
  const status = createStatusLine(studio);
  root.classList.add('fl-painter');
  root.tabIndex = -1;
  root.replaceChildren(
    createBar(studio, bridge, classKeys, options.doneLabel),
    createToolColumn(studio, classKeys),
    make('div', { class: 'fl-middle' }, surface, empty, notices.element),
    createClassList(studio),
    status,
    help,
  );
  returnFocus(root, studio);
  const update = () => {
    surface.dataset.cursor = cursorFor(studio);
    empty.hidden = Boolean(studio.session);
    root.classList.toggle('fl-read-only', Boolean(studio.session) && studio.isReadOnly);
  };
  return { stage, sketch, surface, notices, help, update };
}

/** Brush and eraser show their own outline instead of an arrow. */
function cursorFor(studio) {
  if (studio.isSpaceDown) return 'move';
  if (!studio.desk || studio.isReadOnly) return 'plain';
  return ['brush', 'eraser', 'accept'].includes(studio.settings.get('tool')) ? 'own' : 'cross';
}

/** After a click with the mouse, keys go on meaning the painter, not the button. */
function returnFocus(root, studio) {
  root.addEventListener('click', (event) => {
    const isMouse = event.detail > 0;
    if (isMouse && event.target.closest('button') && !root.querySelector('dialog[open]')) studio.focus();
  });
}
