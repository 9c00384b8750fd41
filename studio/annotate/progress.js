/** How far the project is, and the filter with its counts. */

import { make } from '../painter/panels/dom.js';
import { FILTERS, FILTER_NAMES, FINISHED } from './work.js';

const number = new Intl.NumberFormat('en');

/** @param {import('./work.js').Work} work */
export function createProgress(work) {
  const bar = make('progress', { 'aria-label': 'Faces done' });
  const text = make('span', { class: 'fl-an-progress-text' });
  const update = () => {
    const [finished, total] = [work.count(FINISHED), work.count()];
    bar.max = Math.max(1, total);
    bar.value = finished;
    text.textContent = `${number.format(finished)} of ${number.format(total)} done`;
    element.hidden = !total;
  };
  const element = make('div', { class: 'fl-an-progress', hidden: true }, bar, text);
  work.listen((what) => what === 'projects' && update());
  return element;
}

/** @param {import('./work.js').Work} work */
export function createFilter(work) {
  const buttons = Object.keys(FILTERS).map((filter) => {
    const count = make('span', { class: 'fl-an-count' });
    const button = make('button', { type: 'button', 'data-filter': filter, onclick: () => work.setFilter(filter) }, make('span', {}, FILTER_NAMES[filter]), count);
    return { filter, count, button };
  });
  const element = make('div', { class: 'fl-an-filter', role: 'group', 'aria-label': 'Which faces' }, ...buttons.map(({ button }) => button));
  const update = () => {
    for (const { filter, count, button } of buttons) {
      count.textContent = number.format(work.count(FILTERS[filter]));
      button.setAttribute('aria-pressed', filter === work.filter);
    }
    element.hidden = !work.count();
  };
  work.listen((what) => ['projects', 'filter'].includes(what) && update());
  update();
  return element;
}
