/** How masks are shown: the buttons above them, and the line below with what is under the pointer. */

import { make } from '../../painter/panels/dom.js';
import { classAt } from './compare.js';
import { VIEW_KEYS } from './keys.js';
import { classOf } from './legend.js';

/**
 * @param {import('./compare_look.js').Look} look
 * @param {{fit: () => void, zoomToChanges: () => void}} acts
 */
export function createBar(look, acts) {
  const toggle = (name, key, text) =>
    make('button', { type: 'button', title: `${VIEW_KEYS[key]} (${key.toUpperCase()})`, 'aria-keyshortcuts': key, 'data-look': name, onclick: () => look.toggle(name) }, text);
  const single = toggle('isSingle', 's', 'One mask');
  const changes = toggle('isChangesOnly', 'c', 'Changes only');
  const outlined = toggle('isOutlined', 'v', 'Outlines');
  const swap = make('button', { type: 'button', title: `${VIEW_KEYS.x} (X)`, 'aria-keyshortcuts': 'x', onclick: () => swapFront(look) }, 'Swap');
  const zoom = make('button', { type: 'button', title: `${VIEW_KEYS.z} (Z)`, 'aria-keyshortcuts': 'z', onclick: acts.zoomToChanges }, 'Zoom to changes');
  const fit = make('button', { type: 'button', title: `${VIEW_KEYS.f} (F)`, 'aria-keyshortcuts': 'f', onclick: acts.fit }, 'Fit');
  const opacity = make('input', { type: 'range', min: 0, max: 100, 'aria-label': 'Opacity of the masks', oninput: () => look.set({ opacity: Number(opacity.value) / 100 }) });
  const update = () => {
    for (const button of [single, changes, outlined]) button.setAttribute('aria-pressed', look.get(button.dataset.look));
    opacity.value = Math.round(look.get('opacity') * 100);
    opacity.disabled = look.get('isChangesOnly') || look.get('isOutlined');
    swap.hidden = !look.get('isSingle');
  };
  look.watch(update);
  update();
  /** @param {import('./compare.js').Comparison | null} comparison what there is to compare */
  const show = (comparison) => {
    const hasChanges = Boolean(comparison?.numChanged);
    changes.disabled = !comparison;
    zoom.disabled = !hasChanges;
    swap.disabled = !comparison;
  };
  show(null);
  const element = make(
    'div',
    { class: 'fl-review-bar', role: 'toolbar', 'aria-label': 'How masks are shown' },
    make('div', { class: 'fl-review-group' }, single, swap),
    make('div', { class: 'fl-review-group' }, changes, zoom),
    make('div', { class: 'fl-review-group' }, make('label', {}, make('span', {}, 'Opacity'), opacity), outlined, fit),
  );
  return { element, show };
}

export function swapFront(look) {
  look.set({ front: look.get('front') === 'force' ? 'chosen' : 'force' });
}

/** Zoom, pixel, and the classes there: of the chosen mask and of the one in force. */
export function createPointerLine(view) {
  const zoom = make('span', { class: 'fl-review-zoom' });
  const pixel = make('span', { class: 'fl-review-pixel' });
  const names = make('span', { class: 'fl-review-under' });
  const element = make('div', { class: 'fl-review-pointer' }, zoom, pixel, names);
  const named = ({ name, color }) => {
    const swatch = make('span', { class: 'fl-review-swatch' });
    swatch.style.background = color;
    return make('span', {}, swatch, name);
  };
  /** @param {{x: number, y: number} | null} point in image pixels @param {object[]} masks the ones that are shown */
  const update = (point, scheme, masks) => {
    zoom.textContent = scheme ? `${Math.round(view.scale * 100)} %` : '';
    const [x, y] = point ? [Math.floor(point.x), Math.floor(point.y)] : [-1, -1];
    const ids = masks.map((mask) => classAt(mask, x, y)).filter((id) => id !== null);
    pixel.textContent = ids.length ? `x ${x}  y ${y}` : '';
    names.replaceChildren(...[...new Set(ids)].flatMap((id, k) => (k ? [' → ', named(classOf(scheme, id))] : [named(classOf(scheme, id))])));
  };
  return { element, update };
}
