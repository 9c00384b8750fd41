/** Traits: of how many people, by a measured attribute or by a slider. */

import { make } from '../painter/panels/dom.js';
import { number, part, put } from './fields.js';
import { percent } from './words.js';

const FURTHEST = 10; // units of a slider
const FIRST_SHARE = 0.5;

/** @param {import('./store.js').Store} store */
export function createTraits(store) {
  const rows = make('ol', { class: 'fl-ex-traits' });
  const add = make('button', { type: 'button', onclick: () => addTrait() }, 'Add a trait');
  const note = make('p', { class: 'fl-ex-note' }, 'Such as: half of the people smile. A slider moves the face; an attribute is steered to its value and measured.');
  const element = part('traits', make('h4', {}, 'Traits'), note, rows, make('div', { class: 'fl-ex-buttons' }, add));
  let kinds = new Map(); // id -> {name, title, unit, isSlider, low, high, first}

  const traits = () => Object.entries(store.recipe.traits ?? {});
  const keep = (entries) => store.change({ traits: entries.length ? Object.fromEntries(entries) : null, balance: withoutLost(store.recipe.balance, entries) });
  const fresh = (kind, share = FIRST_SHARE) => (kind.isSlider ? { share, amount: kind.first } : { share });
  const addTrait = () => {
    const used = new Set(traits().map(([name]) => name));
    const kind = [...kinds.values()].find(({ name }) => !used.has(name));
    if (!kind) return;
    keep([...traits(), [kind.name, fresh(kind)]]);
    rows.lastElementChild?.querySelector('select')?.focus();
  };
  const createRow = (_, at) => {
    const change = (values) => keep(traits().map(([name, trait], i) => [name, i === at ? cleaned({ ...trait, ...values }) : trait]));
    const options = (isOfSliders) => [...kinds].filter(([, kind]) => kind.isSlider === isOfSliders).map(([id, { title }]) => make('option', { value: id }, title));
    const groups = [['Sliders', options(true)], ['Attributes, measured', options(false)]].filter(([, found]) => found.length);
    const name = make('select', { 'aria-label': `Trait ${at + 1}` }, ...groups.map(([label, found]) => make('optgroup', { label }, ...found)));
    name.addEventListener('change', () => {
      const kind = kinds.get(name.value);
      if (kind) keep(traits().map((each, i) => (i === at ? [kind.name, fresh(kind, each[1].share)] : each)));
    });
    const value = number({ step: 'any', className: 'fl-ex-short', onChange: (given) => change(isSlider(name.value) ? { amount: given ?? 0 } : { value: given }) });
    const unit = make('span', { class: 'fl-ex-unit' });
    const share = number({ min: 0, max: 100, className: 'fl-ex-short', label: `Trait ${at + 1}, share of people, percent`, onChange: (given) => change({ share: (given ?? 0) / 100 }) });
    const others = number({ step: 'any', className: 'fl-ex-short', label: `Trait ${at + 1}, what the others get; empty: nothing`, onChange: (given) => change({ otherwise: given }) });
    const drop = make('button', { type: 'button', class: 'fl-ex-drop', title: 'Take this trait out', 'aria-label': `Take trait ${at + 1} out`, onclick: () => remove(at) }, '×');
    const row = make('li', {}, make('div', {}, name, drop), make('div', {}, value, unit, 'for', share, '%', make('span', { class: 'fl-an-space' }), 'others', others));
    row.show = ([called, trait]) => {
      const id = idOf(called, !('value' in trait) && ('amount' in trait || !kinds.has(idOf(called, false))));
      if (!kinds.has(id) && name.value !== id) name.append(make('option', { value: id }, called)); // the server says that it is not there
      name.value = id;
      const kind = kinds.get(id) ?? { unit: '', isSlider: isSlider(id), low: -FURTHEST, high: FURTHEST };
      const what = kind.isSlider ? 'amount' : `value, ${kind.low} to ${kind.high}`;
      value.setAttribute('aria-label', `Trait ${at + 1}, ${what}`);
      value.title = what;
      put(value, trait.amount ?? trait.value);
      unit.textContent = kind.unit;
      put(share, percent(trait.share));
      put(others, trait.otherwise);
    };
    return row;
  };
  const remove = (at) => {
    keep(traits().filter((_, i) => i !== at));
    (rows.children[Math.min(at, rows.children.length - 1)]?.querySelector('button') ?? add).focus();
  };
  const show = () => {
    const all = traits();
    if (rows.children.length !== all.length) rows.replaceChildren(...all.map(createRow));
    all.forEach((trait, i) => rows.children[i].show(trait));
    note.hidden = all.length > 0;
  };
  const setOptions = ({ attributes, sliders, missing }) => {
    const kindsOf = (found, isOfSliders, rest) => found.map((each) => [idOf(each.name, isOfSliders), { unit: '', ...each, isSlider: isOfSliders, ...rest(each) }]);
    kinds = new Map([
      ...kindsOf(sliders, true, ({ safe }) => ({ low: -FURTHEST, high: FURTHEST, first: Number(safe[1].toFixed(1)) })),
      ...kindsOf(missing.control ? [] : attributes, false, () => ({})),
    ]);
    add.disabled = kinds.size === 0;
    add.title = kinds.size ? '' : missing.sliders;
    rows.replaceChildren();
  };
  return { element, show, setOptions };
}

const idOf = (name, isSlider) => `${isSlider ? 'slider' : 'attribute'} ${name}`;
const isSlider = (id) => id.startsWith('slider ');
const cleaned = (trait) => Object.fromEntries(Object.entries(trait).filter(([, value]) => value !== null));

/** What is balanced without traits that are gone. */
function withoutLost(balance, entries) {
  if (!balance) return balance;
  const names = new Set(['ages', 'gender', ...entries.map(([name]) => name)]);
  return balance.split(' x ').filter((name) => names.has(name)).join(' x ') || null;
}
