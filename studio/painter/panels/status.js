/** The line below the image: zoom, pixel and class under the pointer, how much is labelled. */

import { UNLABELLED } from '../labelmap.js';
import { make } from './dom.js';

/** '83.2 % labelled'; rounded down, so that 100 % means every pixel. */
export function progressText(map) {
  const share = 1 - map.counts[UNLABELLED] / map.ids.length;
  return `${Math.floor(share * 1000) / 10} % labelled`;
}

/** @param {import('../studio.js').Studio} studio */
export function createStatusLine(studio) {
  const zoom = make('span', { class: 'fl-zoom' });
  const pixel = make('span', { class: 'fl-pixel' });
  const swatch = make('span', { class: 'fl-swatch' });
  const name = make('span');
  const progress = make('span', { class: 'fl-labelled' });

  const showPointer = () => {
    const { last } = studio.pointer;
    const [x, y] = last ? [Math.floor(last.x), Math.floor(last.y)] : [-1, -1];
    const id = studio.desk?.map.at(x, y) ?? null;
    pixel.textContent = id === null ? '' : `x ${x}  y ${y}`;
    name.textContent = id === null ? '' : studio.nameOf(id);
    swatch.style.background = studio.colourOf(id);
    swatch.hidden = id === null;
  };
  const update = (what) => {
    if (!studio.desk) return;
    if (what === 'view' || what === 'face') zoom.textContent = `${Math.round(studio.view.scale * 100)} %`;
    if (what === 'map' || what === 'face') progress.textContent = progressText(studio.desk.map);
    showPointer();
  };
  studio.listen(update);
  return make('div', { class: 'fl-status' }, zoom, pixel, make('span', { class: 'fl-under' }, swatch, name), make('span', { class: 'fl-gap' }), progress);
}
