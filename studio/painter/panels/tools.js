/** The column of tools on the left. */

import { COMMANDS, keyOf } from '../commands.js';
import { iconButton, make } from './dom.js';

/** @param {import('../studio.js').Studio} studio */
export function createToolColumn(studio, classKeys) {
  const buttons = new Map(Object.keys(studio.tools).map((id) => [id, toolButton(studio, id, classKeys)]));
  studio.settings.watch(['tool'], () => {
    for (const [id, button] of buttons) button.setAttribute('aria-pressed', id === studio.settings.get('tool'));
  });
  const update = () => {
    buttons.get('accept').hidden = !studio.prediction.isOffered;
    const hasRegions = (studio.desk?.superpixels.count ?? 0) > 0;
    buttons.get('smart').classList.toggle('fl-unavailable', Boolean(studio.desk) && !hasRegions);
  };
  studio.listen((what) => what === 'face' && update());
  update();
  return make('div', { class: 'fl-tools', role: 'toolbar', 'aria-label': 'Tools', 'aria-orientation': 'vertical' }, ...buttons.values());
}

function toolButton(studio, id, classKeys) {
  const { label, hint } = COMMANDS[`tool.${id}`];
  const shortcut = keyOf(`tool.${id}`, classKeys);
  const button = iconButton(id, label, () => studio.settings.set('tool', id), { shortcut, 'data-tool': id });
  button.title = `${button.title}\n${hint}`;
  button.append(make('span', { class: 'fl-key', 'aria-hidden': 'true' }, shortcut.replace('Shift+', '⇧').toUpperCase()));
  return button;
}
