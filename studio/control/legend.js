/** The classes that are in the mask: colour, name, share of the picture. */

import { make } from '../painter/panels/dom.js';

/** @param {import('./look.js').Look} look */
export function createLegend(look) {
  const list = make('ul', {});
  const element = make('section', { class: 'fl-co-legend', 'aria-label': 'Classes in the mask', hidden: true }, make('h3', {}, 'Classes'), list);
  let rows = new Map(); // class id -> {item, share}
  const point = (id) => look.chosenClass !== id && look.set({ chosenClass: id });

  const setClasses = (classes) => {
    rows = new Map(
      classes.map(({ id, name, color }) => {
        const swatch = make('i', { 'aria-hidden': 'true' });
        swatch.style.background = color;
        const share = make('small', {});
        const button = make('button', { type: 'button', title: `Show ${name} alone while pointed at` }, swatch, make('span', {}, name), share);
        button.addEventListener('pointerenter', () => point(id));
        button.addEventListener('pointerleave', () => point(null));
        button.addEventListener('focus', () => button.matches(':focus-visible') && point(id));
        button.addEventListener('blur', () => point(null));
        return [id, { item: make('li', { hidden: true }, button), share }];
      }),
    );
    list.replaceChildren(...[...rows.values()].map(({ item }) => item));
  };

  /** @param {import('./stage.js').Sight | null} sight */
  const show = (sight) => {
    const labels = sight?.labels;
    element.hidden = !labels || look.mode === 'off';
    if (element.hidden) return;
    const counts = new Uint32Array(256);
    for (const id of labels.ids) counts[id]++;
    for (const [id, { item, share }] of rows) {
      const percent = (100 * counts[id]) / labels.ids.length;
      item.hidden = !counts[id];
      share.textContent = percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(1)} %`;
    }
  };
  return { element, setClasses, show };
}
