/** The sections of the form, from what is always set to what rarely is. */

import { make } from '../painter/panels/dom.js';
import { createAges } from './ages.js';
import { check, line, number, part, put, section, select } from './fields.js';
import { createSource, wayOf } from './source.js';
import { createTraits } from './traits.js';
import { percent } from './words.js';

const MOST = 1_000_000;
const MAX_SEED = 2 ** 32 - 1;
const USUAL_SPLITS = { train: 0.8, validation: 0.1, test: 0.1 };
const SPLITS = [['train', 'Train'], ['validation', 'Validation'], ['test', 'Test']];
const BOTH = ['ages', 'gender'];
const IMAGES = { native: 'As each format has them', png: 'PNG, every pixel kept', jpeg: 'JPEG, smaller' };
const CHANGES = { light: 'Light', hair: 'Colour of hair', pose: 'Turn and nod' };

/** How many, how large, from which seeds and networks. @param {import('./store.js').Store} store */
export function createFacesPart(store) {
  const set = (key) => (value) => store.change({ [key]: value });
  const count = number({ min: 1, max: MOST, onChange: set('count') });
  const size = select([], (value) => store.change({ size: Number(value) }));
  const name = make('input', { type: 'text', maxlength: 64, spellcheck: 'false', autocomplete: 'off' });
  name.addEventListener('input', () => store.change({ name: name.value.trim() || null }));
  const psi = number({ min: -2, max: 2, step: 0.05, onChange: set('psi') });
  const seed = number({ min: 0, max: MAX_SEED, onChange: set('seed'), className: 'fl-ex-seed' });
  const draw = make('button', { type: 'button', title: 'Other people by the same recipe', onclick: () => store.change({ seed: Math.floor(Math.random() * 1_000_000) }) }, 'New');
  const generator = select([], set('generator'));
  const segmenter = select([], (value) => store.change({ segmenter: value || null }));
  const generatorPart = part('generator', line('Generator', generator));
  const more = section('Networks and seeds', [
    part('seed', line('Seed', make('span', { class: 'fl-ex-pair' }, seed, draw), { about: 'The same recipe and seed make the same faces' })),
    part('psi', line('psi', psi, { about: 'How far from the average face: 0 is the average, 1 as learned' })),
    generatorPart,
    part('segmenter', line('Segmenter', segmenter, { about: 'What labels the pixels' })),
  ], { isFolded: true });
  const source = createSource(store);
  const countPart = part('count', line('Faces', count, { about: 'To be made anew' }));
  const baseName = make('span', { class: 'fl-ex-person' });
  const drawPeople = make('button', { type: 'button', title: 'People of random seeds instead', onclick: () => store.change({ base: null, psi: store.first.recipe.psi }) }, 'Draw people');
  const basePart = part('base', make('div', { class: 'fl-ex-line' }, make('span', { class: 'fl-ex-name', title: 'All pictures are of the person on this photo; choose below what differs' }, 'Person'), baseName, drawPeople));
  basePart.hidden = true;
  const element = make('div', { class: 'fl-ex-first' },
    part('name', line('Name', name, { about: 'Of the dataset: letters, digits, - _ .' })),
    source.element,
    basePart,
    countPart,
    part('size', line('Size', size, { about: 'Of images and masks' })));
  const setOptions = (options) => {
    source.setOptions(options);
    fill(size, options.sizes.map((px) => [px, `${px} × ${px} px`]));
    fill(generator, options.generators.map((each) => [each, each]));
    const inForce = options.promoted ? `In force: run ${options.promoted}` : `In force: ${options.segmenters[0] ?? 'none'}`;
    fill(segmenter, [['', inForce], ...options.segmenters.map((each) => [each, each])]);
    generatorPart.hidden = options.generators.length < 2;
  };
  const show = () => {
    const { recipe } = store;
    source.show();
    countPart.hidden = more.hidden = wayOf(recipe) === 'painted';
    basePart.hidden = !recipe.base;
    baseName.textContent = recipe.base?.name.startsWith('photo:') ? 'On your photo' : (recipe.base?.name ?? '');
    for (const [input, key] of [[name, 'name'], [count, 'count'], [psi, 'psi'], [seed, 'seed']]) put(input, recipe[key]);
    size.value = recipe.size;
    if (recipe.generator) generator.value = recipe.generator;
    segmenter.value = recipe.segmenter ?? '';
    more.tell(`psi ${recipe.psi}, seed ${recipe.seed}`);
  };
  return { element: make('div', {}, element, more), show, setOptions };
}

/** Who: ages, gender, traits. @param {import('./store.js').Store} store */
export function createPeoplePart(store) {
  const ages = createAges(store);
  const traits = createTraits(store);
  const drawn = check('As drawn', (isDrawn) => store.change(isDrawn ? { gender_ratio: null, balance: without(store.recipe.balance, 'gender') } : { gender_ratio: 0.5 }));
  const women = make('input', { type: 'range', min: 0, max: 1, step: 0.01, class: 'fl-ex-range', 'aria-label': 'Share of women' });
  women.addEventListener('input', () => store.change({ gender_ratio: Number(women.value) }));
  const told = make('output', { class: 'fl-ex-unit fl-ex-wide' });
  const ratio = make('div', { class: 'fl-ex-line' }, make('span', { class: 'fl-ex-name' }, 'Women'), women, told);
  const gender = part('gender_ratio', make('div', { class: 'fl-ex-line' }, make('span', { class: 'fl-ex-name' }, 'Gender'), drawn.element), ratio);
  const balance = check('Balance ages × gender', (isOn) => store.change(isOn ? balanced(store.recipe) : { balance: without(without(store.recipe.balance, 'ages'), 'gender') }), 'The same share of women in every range of ages, exactly');
  const note = make('p', { class: 'fl-ex-note', hidden: true });
  const people = make('div', {}, ages.element, gender, part('balance', balance.element), traits.element);
  const element = section('People', [note, people]);
  const setOptions = (options) => {
    note.textContent = options.missing.control;
    note.hidden = !options.missing.control;
    for (const each of [ages.element, gender]) each.hidden = Boolean(options.missing.control);
    balance.element.hidden = Boolean(options.missing.control);
    traits.setOptions(options);
  };
  const show = () => {
    const { recipe } = store;
    ages.show();
    traits.show();
    const hasRatio = recipe.gender_ratio !== null && recipe.gender_ratio !== undefined;
    drawn.input.checked = !hasRatio;
    ratio.hidden = !hasRatio;
    if (hasRatio && document.activeElement !== women) women.value = recipe.gender_ratio;
    told.textContent = hasRatio ? `${percent(recipe.gender_ratio)} %` : '';
    balance.input.checked = BOTH.every((name) => (recipe.balance ?? '').split(' x ').includes(name));
    const asked = [recipe.ages && 'ages', hasRatio && 'gender', ...Object.keys(recipe.traits ?? {})].filter(Boolean);
    element.tell(asked.length ? asked.join(', ') : 'as drawn');
  };
  return { element, show, setOptions };
}

/** What is written. @param {import('./store.js').Store} store */
export function createFilesPart(store) {
  const list = make('div', { class: 'fl-ex-formats', role: 'group', 'aria-label': 'Formats' });
  let boxes = [];
  const images = select(Object.entries(IMAGES), (value) => store.change({ images: value }));
  const usual = check('80 / 10 / 10', (isUsual) => store.change({ splits: isUsual ? null : USUAL_SPLITS }), 'With fewer than ten people, all are for training');
  const shares = SPLITS.map(([name, title]) => {
    const input = number({ min: 0, max: 100, className: 'fl-ex-short', label: `${title}, percent of people`, onChange: (value) => store.change({ splits: { ...USUAL_SPLITS, ...store.recipe.splits, [name]: (value ?? 0) / 100 } }) });
    return { name, input, element: make('label', {}, title, input, '%') };
  });
  const splitLine = make('div', { class: 'fl-ex-splits' }, ...shares.map(({ element }) => element));
  const promised = make('p', { class: 'fl-ex-note' });
  const mark = check('Mark every picture as synthetic', (isOn) => store.change({ mark: isOn }), 'In the text of PNGs and the EXIF of JPEGs');
  const unmarked = make('p', { class: 'fl-ex-warning', hidden: true }, 'Nothing in the pictures will say that these people do not exist.');
  const measure = check('Measure age, gender and traits of each face', (isOn) => store.change({ measure: isOn }), 'They are written beside each face, and shown in histograms');
  const element = section('Files', [
    part('formats', list),
    part('images', line('Pictures', images)),
    part('splits', make('div', { class: 'fl-ex-line' }, make('span', { class: 'fl-ex-name' }, 'Splits'), usual.element), splitLine, promised),
    part('measure', measure.element),
    part('mark', mark.element, unmarked),
  ]);
  const toggle = (name, isOn) => {
    const chosen = new Set(store.recipe.formats);
    if (isOn) chosen.add(name);
    else chosen.delete(name);
    store.change({ formats: boxes.map((box) => box.name).filter((each) => chosen.has(each)) });
  };
  const setOptions = ({ formats }) => {
    boxes = formats.map(({ name, title }) => ({ name, ...check(title, (isOn) => toggle(name, isOn), name) }));
    list.replaceChildren(...boxes.map((box) => box.element));
  };
  const show = () => {
    const { recipe } = store;
    for (const { name, input } of boxes) input.checked = recipe.formats.includes(name);
    images.value = recipe.images;
    usual.input.checked = !recipe.splits;
    splitLine.hidden = !recipe.splits;
    for (const { name, input } of shares) put(input, percent(recipe.splits?.[name] ?? 0));
    const splits = Object.entries(store.promised?.splits ?? {}).map(([name, faces]) => `${faces.toLocaleString('en')} ${name}`);
    promised.textContent = splits.length ? `${splits.join(', ')}; nobody is in two of them.` : '';
    mark.input.checked = recipe.mark;
    unmarked.hidden = recipe.mark;
    measure.input.checked = recipe.measure;
    element.tell(recipe.formats.length > 1 ? `${recipe.formats.length} formats` : (recipe.formats[0] ?? 'none'));
  };
  return { element, show, setOptions };
}

/** Several pictures of one person. @param {import('./store.js').Store} store */
export function createVariantsPart(store) {
  const set = (values) => store.change({ variants: { ...store.recipe.variants, ...values } });
  const count = number({ min: 1, max: 16, onChange: (value) => choose(value ?? 1) });
  const choose = (pictures) => {
    set({ count: pictures });
    const { count: faces, base } = store.recipe;
    if (base) store.change({ count: pictures });
    else if (pictures >= 1 && Number.isInteger(faces)) store.change({ count: Math.max(1, Math.round(faces / pictures)) * pictures });
  };
  const changes = Object.entries(CHANGES).map(([name, title]) => ({ name, ...check(title, () => set({ change: changes.filter(({ input }) => input.checked).map((each) => each.name) })) }));
  const strength = number({ min: 0, max: 3, step: 0.1, onChange: (value) => set({ strength: value ?? 0 }) });
  const more = make('div', {}, make('div', { class: 'fl-ex-line' }, make('span', { class: 'fl-ex-name' }, 'What changes'), make('div', { class: 'fl-ex-changes' }, ...changes.map(({ element }) => element))), line('Strength', strength, { about: 'Largest change, in standard deviations among random faces' }));
  const element = section('Pictures of one person', [part('variants', line('Pictures each', count, { about: 'Of the same person under another light, from another side; the number of faces is a multiple of it' }), more)], { isFolded: true });
  const show = () => {
    const { variants } = store.recipe;
    put(count, variants.count);
    for (const { name, input } of changes) input.checked = variants.change.includes(name);
    put(strength, variants.strength);
    more.hidden = variants.count <= 1;
    element.tell(variants.count > 1 ? `${variants.count} each${store.promised ? `, ${store.promised.people.toLocaleString('en')} people` : ''}` : 'one each');
  };
  return { element, show };
}

/** Which faces are made again. @param {import('./store.js').Store} store */
export function createFilterPart(store) {
  const set = (values) => store.change({ filter: { ...store.recipe.filter, ...values } });
  const face = check('Exactly one face is seen', (isOn) => set({ one_face: isOn }));
  const target = check('What was asked is reached', (isOn) => set({ target: isOn }));
  const limits = [
    createLimit('Uncertainty', 'uncertainty', { first: 0.5, max: 1, step: 0.05, unit: 'at most', about: 'Mean uncertainty of the least certain tenth of the pixels, 0 to 1' }, set),
    createLimit('Artifacts', 'artifact', { first: 10, max: 100, step: 1, unit: 'at least', about: 'How typical the face is, 0 to 100' }, set),
  ];
  const tries = number({ min: 1, max: 100, onChange: (value) => set({ tries: value ?? 1 }) });
  const element = section('Quality filter', [part('filter',
    make('p', { class: 'fl-ex-note' }, 'Faces that fail are made again from another seed, counted by reason, and some are kept to look at.'),
    face.element, target.element, ...limits.map((limit) => limit.element),
    line('Tries for a face', tries, { about: 'Then the one with the fewest faults stays, and its record says so' }))], { isFolded: true });
  const show = () => {
    const { filter } = store.recipe;
    face.input.checked = filter.one_face;
    target.input.checked = filter.target;
    for (const limit of limits) limit.show(filter);
    put(tries, filter.tries);
    const on = [filter.one_face, filter.target, filter.uncertainty !== null, filter.artifact !== null].filter(Boolean).length;
    element.tell(on ? `${on} on` : 'off');
  };
  return { element, show };
}

function createLimit(title, key, { first, max, step, unit, about }, set) {
  const way = select([['', 'Not looked at'], ['share', 'Drop worst'], ['value', `Take ${unit}`]], (chosen) => set({ [key]: { '': null, share: '5%', value: first }[chosen] }), title);
  const value = number({ min: 0, max, step: 'any', className: 'fl-ex-short', label: `${title}: limit`, onChange: (given) => given !== null && set({ [key]: way.value === 'share' ? `${given}%` : given }) });
  const sign = make('span', { class: 'fl-ex-unit' });
  const element = make('div', { class: 'fl-ex-line', title: about }, make('span', { class: 'fl-ex-name' }, title), way, value, sign);
  const show = (filter) => {
    const given = filter[key] ?? null;
    const isShare = typeof given === 'string';
    way.value = given === null ? '' : isShare ? 'share' : 'value';
    value.hidden = sign.hidden = given === null;
    sign.textContent = isShare ? '%' : '';
    value.max = isShare ? 90 : max;
    value.step = isShare ? 1 : step;
    put(value, isShare ? parseFloat(given) : given);
  };
  return { element, show };
}

/** Ages and gender balanced; what is not asked for yet gets what is usual. */
function balanced({ ages, gender_ratio: ratio, balance }) {
  const rest = (balance ?? '').split(' x ').filter((name) => name && !BOTH.includes(name));
  return {
    balance: [...BOTH, ...rest].join(' x '),
    ages: ages && Object.keys(ages).length ? ages : { '18-30': 1 / 3, '31-50': 1 / 3, '51-70': 1 / 3 },
    gender_ratio: ratio ?? 0.5,
  };
}

function without(balance, name) {
  return (balance ?? '').split(' x ').filter((each) => each && each !== name).join(' x ') || null;
}

function fill(list, choices) {
  list.replaceChildren(...choices.map(([value, title]) => make('option', { value }, title)));
}
