/** How old: as drawn, or ranges of years with the share of people in each. */

import { make } from '../painter/panels/dom.js';
import { number, part, put, select } from './fields.js';
import { percent } from './words.js';

const [OLDEST, YOUNGEST, WIDTH] = [80, 1, 10];
const PRESETS = {
  three: ['Young, middle, older', [[18, 30], [31, 50], [51, 70]]],
  decades: ['Every ten years, 20 to 69', [[20, 29], [30, 39], [40, 49], [50, 59], [60, 69]]],
  adults: ['Adults, 18 to 80', [[18, 80]]],
  children: ['Children and youths, 3 to 17', [[3, 17]]],
};
const BAND = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/;

/** @param {import('./store.js').Store} store */
export function createAges(store) {
  const choices = [['drawn', 'As drawn'], ...Object.entries(PRESETS).map(([name, [title]]) => [name, title]), ['own', 'Ranges of your own']];
  const preset = select(choices, (name) => choose(name), 'Ages');
  const rows = make('ol', { class: 'fl-ex-bands' });
  const add = make('button', { type: 'button', onclick: () => addBand() }, 'Add a range');
  const even = make('button', { type: 'button', title: 'The same share for each range', onclick: () => keep(evenly(bands)) }, 'Even out');
  const sum = make('span', { class: 'fl-ex-sum' });
  const table = make('div', { class: 'fl-ex-table' }, rows, make('div', { class: 'fl-ex-buttons' }, add, even, make('span', { class: 'fl-an-space' }), sum));
  const element = part('ages', make('label', { class: 'fl-ex-line' }, make('span', { class: 'fl-ex-name' }, 'Ages'), preset), table);
  let bands = []; // {low, high, share}
  let isOwn = false; // chosen by hand, though a preset says the same

  const keep = (changed) => {
    bands = changed;
    const ages = Object.fromEntries(bands.map(({ low, high, share }) => [low === high ? String(low) : `${low}-${high}`, share]));
    store.change({ ages: bands.length ? ages : null });
  };
  const choose = (name) => {
    isOwn = name === 'own';
    if (name === 'drawn') keep([]);
    else if (!isOwn) keep(evenly(PRESETS[name][1].map(([low, high]) => ({ low, high }))));
    else keep(bands.length ? bands : evenly([{ low: 18, high: 30 }]));
    if (name === 'drawn' && (store.recipe.balance ?? '').includes('ages')) store.change({ balance: null });
  };
  const addBand = () => {
    const wasEven = new Set(bands.map(({ share }) => share.toFixed(4))).size <= 1;
    const low = Math.min(Math.max(YOUNGEST, ...bands.map(({ high }) => high + 1)), OLDEST - WIDTH);
    const more = [...bands, { low, high: Math.min(OLDEST, low + WIDTH - 1), share: 0 }];
    isOwn = true;
    keep(wasEven ? evenly(more) : more);
  };
  const createRow = (_, at) => {
    const change = (values) => {
      isOwn = true;
      keep(bands.map((band, i) => (i === at ? { ...band, ...values } : band)));
    };
    const years = { min: YOUNGEST, max: OLDEST, step: 1, className: 'fl-ex-short' };
    const low = number({ ...years, label: `Range ${at + 1}, from, years`, onChange: (value) => value !== null && change({ low: value }) });
    const high = number({ ...years, label: `Range ${at + 1}, to, years`, onChange: (value) => value !== null && change({ high: value }) });
    const share = number({ min: 0, max: 100, step: 1, className: 'fl-ex-short', label: `Range ${at + 1}, share of people, percent`, onChange: (value) => change({ share: (value ?? 0) / 100 }) });
    const bar = make('i', { class: 'fl-ex-bar', 'aria-hidden': 'true' });
    const drop = make('button', { type: 'button', class: 'fl-ex-drop', title: 'Take this range out', 'aria-label': `Take range ${at + 1} out`, onclick: () => remove(at) }, '×');
    const row = make('li', {}, low, '–', high, bar, share, '%', drop);
    row.show = (band) => {
      put(low, band.low);
      put(high, band.high);
      put(share, percent(band.share));
      bar.style.setProperty('--share', Math.min(1, band.share / Math.max(...bands.map((each) => each.share), 0.01)));
    };
    return row;
  };
  const remove = (at) => {
    const wasEven = new Set(bands.map(({ share }) => share.toFixed(4))).size <= 1;
    const left = bands.filter((_, i) => i !== at);
    keep(wasEven ? evenly(left) : left);
    (rows.children[Math.min(at, rows.children.length - 1)]?.querySelector('button') ?? preset).focus();
  };
  const show = () => {
    bands = readBands(store.recipe.ages);
    if (rows.children.length !== bands.length) rows.replaceChildren(...bands.map(createRow));
    bands.forEach((band, i) => rows.children[i].show(band));
    const found = Object.keys(PRESETS).find((name) => isSame(bands, PRESETS[name][1]));
    preset.value = !bands.length ? 'drawn' : (!isOwn && found) || 'own';
    table.hidden = !bands.length;
    even.disabled = bands.length < 2;
    const total = bands.reduce((all, { share }) => all + share, 0);
    sum.textContent = bands.length ? `${percent(total)} %` : '';
    sum.classList.toggle('fl-ex-bad', Math.abs(total - 1) > 1e-4);
  };
  return { element, show };
}

function readBands(ages) {
  return Object.entries(ages ?? {}).flatMap(([text, share]) => {
    const found = BAND.exec(text);
    return found ? [{ low: Number(found[1]), high: Number(found[2] ?? found[1]), share }] : [];
  });
}

const evenly = (bands) => bands.map((band) => ({ ...band, share: 1 / bands.length }));

function isSame(bands, ranges) {
  return bands.length === ranges.length && bands.every(({ low, high, share }, i) => low === ranges[i][0] && high === ranges[i][1] && Math.abs(share - 1 / ranges.length) < 1e-4);
}
