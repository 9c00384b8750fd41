// The face grid. Runs once as the body of a function (element, trigger, props, server,
// upload, watch); the template never changes, so Gradio leaves what is built here alone.
//
// props.made:   {run, faces: [{seed, quality, picture, mask}], classes: [{name, color}]}, from
//               Python; grows during a run. mask: null where there is no segmenter
// props.opened: {seed, url, name, facts} or {error}, from Python
// props.file:   {url, name, stamp}: a download, from Python
// props.value:  the picked seeds in the order of picking, written here only

const find = (selector) => element.querySelector(selector);
const [tiles, viewer, empty] = [find('.fl-tiles'), find('.fl-viewer'), find('.fl-empty')];
const bar = Object.fromEntries([...element.querySelectorAll('.fl-bar [data-do]')].map((b) => [b.dataset.do, b]));
const [TILE_SIZE, MASKS] = ['faceloom.tile', 'faceloom.masks'];

let run = '';
let faces = []; // as sampled
let shown = []; // seeds as they stand in the grid
let bySeed = new Map();
let picks = new Set();
let anchor = null; // where a range starts
let current = null; // the seed that keys act on

// --- picking

function publish() {
  props.value = [...picks];
  const picked = [...picks].map((seed) => bySeed.get(seed));
  document.faceloomPicks = picked; // for who is mounted later
  document.dispatchEvent(new CustomEvent('faceloom:picks', { detail: picked }));
  draw();
}

function toggle(seed) {
  if (!picks.delete(seed)) picks.add(seed);
  anchor = seed;
  publish();
}

function pickRange(to) {
  const [a, b] = [shown.indexOf(anchor ?? to), shown.indexOf(to)];
  const range = shown.slice(Math.min(a, b), Math.max(a, b) + 1);
  for (const seed of a > b ? range.reverse() : range) picks.add(seed);
  publish();
}

function chosen() { return picks.size ? [...picks] : [...shown]; }
function pickAll() { for (const seed of shown) picks.add(seed); publish(); }
function pickNone() { picks.clear(); publish(); }

// --- drawing

function makeTile(face) {
  const tile = document.createElement('div');
  tile.className = face.seed > 9_999_999 ? 'fl-tile fl-long' : 'fl-tile';
  tile.dataset.seed = face.seed;
  tile.tabIndex = -1;
  tile.setAttribute('role', 'option');
  const image = new Image();
  Object.assign(image, { src: face.picture, alt: '', decoding: 'async', loading: 'lazy', draggable: false });
  const order = document.createElement('span');
  order.className = 'fl-order';
  const open = document.createElement('span');
  Object.assign(open, { className: 'fl-open', title: 'Open at full size' });
  const caption = document.createElement('span');
  caption.className = 'fl-caption';
  const [seed, quality] = [document.createElement('b'), document.createElement('span')];
  seed.textContent = face.seed;
  quality.innerHTML = '<i>quality </i>';
  quality.append(face.quality.toFixed(0));
  caption.append(seed, quality);
  tile.append(image, ...maskImages(face), order, open, caption);
  return tile;
}

function maskImages(face) {
  if (!face.mask) return [];
  const mask = new Image();
  Object.assign(mask, { src: face.mask, alt: '', className: 'fl-mask', decoding: 'async', loading: 'lazy', draggable: false });
  return [mask];
}

function tileOf(seed) { return tiles.querySelector(`[data-seed="${seed}"]`); }

function draw() {
  const total = faces.length;
  find('.fl-count').textContent = total ? `${picks.size} of ${total} picked` : 'No faces';
  const places = new Map([...picks].map((seed, place) => [seed, place + 1]));
  for (const tile of tiles.children) {
    const seed = Number(tile.dataset.seed);
    const place = places.get(seed);
    tile.setAttribute('aria-selected', String(place !== undefined));
    tile.querySelector('.fl-order').textContent = place ?? '';
    const quality = bySeed.get(seed).quality.toFixed(0);
    tile.setAttribute('aria-label', `Seed ${seed}, quality ${quality}${place ? `, picked as number ${place}` : ''}`);
    tile.tabIndex = seed === current ? 0 : -1;
  }
  tiles.tabIndex = current === null && total ? 0 : -1;
  bar.all.disabled = !total || picks.size === total;
  bar.none.disabled = !picks.size;
  bar.open.disabled = !total;
  bar.download.disabled = !total;
  bar.keep.disabled = !total;
  bar.masks.hidden = !faces.some((face) => face.mask);
  bar.keep.textContent = total ? `Add ${picks.size || 'all'} to project` : 'Add to project';
  bar.download.textContent = total ? `Download ${picks.size || 'all'} latents` : 'Download latents';
  element.querySelector('.fl-grid').classList.toggle('fl-has-faces', total > 0 || run !== '');
  drawPickInViewer();
}

function arrange() {
  const by = find('.fl-order-by').value;
  const ordered = [...faces];
  if (by === 'quality') ordered.sort((a, b) => b.quality - a.quality);
  if (by === 'picked') ordered.sort((a, b) => picks.has(b.seed) - picks.has(a.seed));
  shown = ordered.map((face) => face.seed);
  for (const seed of shown) tiles.append(tileOf(seed));
  draw();
}

function receive(made) {
  if (!made) return;
  if (made.run !== run) {
    ({ run } = made);
    [faces, shown, bySeed, picks, anchor, current] = [[], [], new Map(), new Set(), null, null];
    tiles.replaceChildren();
    tiles.scrollTop = 0;
    publish();
  }
  viewer.querySelector('.fl-legend').replaceChildren(...made.classes.map(({ name, color }) => {
    const item = document.createElement('li');
    item.style.setProperty('--fl-class', color);
    item.textContent = name;
    return item;
  }));
  const added = made.faces.slice(faces.length);
  for (const face of added) {
    faces.push(face);
    shown.push(face.seed);
    bySeed.set(face.seed, face);
    tiles.append(makeTile(face));
  }
  if (find('.fl-order-by').value === 'quality') arrange();
  else draw();
}

// --- the viewer

let viewing = null;

function view(seed) {
  const face = bySeed.get(seed);
  if (!face) return;
  viewing = current = seed;
  viewer.querySelector('.fl-picture').src = face.picture;
  viewer.querySelector('.fl-picture').alt = `The face of seed ${seed}`;
  viewer.classList.toggle('fl-has-mask', Boolean(face.mask));
  const save = viewer.querySelector('[data-do=save-mask]');
  if (face.mask) {
    viewer.querySelector('.fl-mask').src = face.mask;
    Object.assign(save, { href: face.mask, download: `mask-${seed}.png` });
  } else save.removeAttribute('href');
  viewer.querySelector('h2').textContent = `Seed ${seed}`;
  viewer.querySelector('dl').replaceChildren();
  viewer.querySelector('.fl-state').textContent = 'Making the full-size face ...';
  viewer.querySelector('.fl-state').classList.remove('fl-bad');
  viewer.querySelector('[data-do=save]').removeAttribute('href');
  const at = shown.indexOf(seed);
  viewer.querySelector('[data-do=previous]').disabled = at <= 0;
  viewer.querySelector('[data-do=next]').disabled = at >= shown.length - 1;
  if (!viewer.open) viewer.showModal();
  draw();
  trigger('open', { seed });
}

function receiveOpened(opened) {
  if (!opened || (opened.seed !== viewing && !opened.error)) return; // an older answer
  const state = viewer.querySelector('.fl-state');
  state.classList.toggle('fl-bad', Boolean(opened.error));
  state.textContent = opened.error ?? '';
  if (opened.error) return;
  viewer.querySelector('.fl-picture').src = opened.url;
  const link = viewer.querySelector('[data-do=save]');
  Object.assign(link, { href: opened.url, download: opened.name });
  viewer.querySelector('dl').replaceChildren(...Object.entries(opened.facts).flatMap(([name, value]) => {
    const [term, detail] = [document.createElement('dt'), document.createElement('dd')];
    [term.textContent, detail.textContent] = [name, value];
    if (value.length === 64) Object.assign(detail, { textContent: value.slice(0, 12) + ' ...', title: value });
    return [term, detail];
  }));
}

function drawPickInViewer() {
  const button = viewer.querySelector('[data-do=pick]');
  const isPicked = picks.has(viewing);
  button.textContent = isPicked ? 'Picked' : 'Pick';
  button.setAttribute('aria-pressed', String(isPicked));
}

function step(by) {
  const seed = shown[shown.indexOf(viewing) + by];
  if (seed !== undefined) view(seed);
}

const viewerDoes = {
  pick: () => toggle(viewing),
  previous: () => step(-1),
  next: () => step(1),
  close: () => viewer.close(),
};
viewer.addEventListener('click', (event) => {
  if (event.target === viewer) viewer.close(); // the ground around it
  viewerDoes[event.target.dataset.do]?.();
});
viewer.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowLeft') step(-1);
  else if (event.key === 'ArrowRight') step(1);
  else if (event.key.toLowerCase() === 'm') showMasks(!masksShown());
  else return;
  event.preventDefault();
});
viewer.addEventListener('close', () => { viewing = null; focus(current); });

// --- mouse and keys

function focus(seed) {
  if (seed === null || !tileOf(seed)) return;
  current = seed;
  draw();
  tileOf(seed).focus({ preventScroll: true });
  tileOf(seed).scrollIntoView({ block: 'nearest' });
}

tiles.addEventListener('click', (event) => {
  const tile = event.target.closest('.fl-tile');
  if (!tile) return;
  const seed = Number(tile.dataset.seed);
  focus(seed);
  if (event.target.classList.contains('fl-open')) view(seed);
  else if (event.shiftKey) pickRange(seed);
  else toggle(seed);
});
tiles.addEventListener('dblclick', (event) => {
  const tile = event.target.closest('.fl-tile'); // its two clicks have undone each other
  if (tile && !event.target.classList.contains('fl-open')) view(Number(tile.dataset.seed));
});

function columns() {
  const [first] = tiles.children;
  return [...tiles.children].filter((tile) => tile.offsetTop === first.offsetTop).length;
}

const moves = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: () => -columns(),
  ArrowDown: () => columns(),
  Home: (at) => -at,
  End: (at) => shown.length - 1 - at,
};
tiles.addEventListener('keydown', (event) => {
  if (!shown.length) return;
  const at = current === null ? -1 : shown.indexOf(current);
  if (moves[event.key]) {
    const to = at < 0 ? 0 : at + moves[event.key](at);
    if (to >= 0 && to < shown.length) {
      if (event.shiftKey && anchor === null && current !== null) anchor = current;
      focus(shown[to]);
      if (event.shiftKey) pickRange(shown[to]);
    }
  } else if (event.key === ' ' && current !== null) toggle(current);
  else if (event.key === 'Enter' && current !== null && !event.ctrlKey && !event.metaKey) view(current);
  else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) pickAll();
  else if (event.key === 'Escape') pickNone();
  else if (event.key.toLowerCase() === 'm' && !bar.masks.hidden) showMasks(!masksShown());
  else return;
  event.preventDefault();
});
tiles.addEventListener('focus', () => { if (current === null && shown.length) focus(shown[0]); });

// --- the bar

function masksShown() { return bar.masks.getAttribute('aria-pressed') === 'true'; }
function showMasks(shows) {
  bar.masks.setAttribute('aria-pressed', String(shows));
  find('.fl-grid').classList.toggle('fl-shows-masks', shows);
  localStorage.setItem(MASKS, shows ? 'shown' : 'hidden');
}
showMasks(localStorage.getItem(MASKS) === 'shown');

const barDoes = {
  masks: () => showMasks(!masksShown()),
  all: pickAll,
  none: pickNone,
  open: () => view(current ?? [...picks][0] ?? shown[0]),
  download: () => trigger('download', { seeds: chosen() }),
  keep: () => document.dispatchEvent(new CustomEvent('faceloom:keep', { detail: { seeds: chosen() } })),
};
find('.fl-bar').addEventListener('click', (event) => barDoes[event.target.dataset.do]?.());
find('.fl-order-by').addEventListener('change', arrange);
const size = find('.fl-tile-size');
function resize() {
  tiles.style.setProperty('--fl-tile', `${size.value}px`);
  tiles.dataset.room = size.value < 130 ? 'none' : size.value < 170 ? 'little' : 'enough'; // for captions
}
size.addEventListener('input', () => { resize(); localStorage.setItem(TILE_SIZE, size.value); });
size.value = localStorage.getItem(TILE_SIZE) ?? String(Math.min(240, Math.max(136, Math.round(innerWidth / 9))));
resize();

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  const button = document.querySelector('#sample-button');
  if (!button?.offsetParent || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  document.activeElement?.blur?.(); // so that a field being written hands over its text first
  setTimeout(() => button.click(), 60);
});

watch('made', () => receive(props.made));
watch('opened', () => receiveOpened(props.opened));
watch('file', () => {
  if (!props.file) return;
  const link = document.createElement('a');
  Object.assign(link, { href: props.file.url, download: props.file.name });
  link.click();
});
draw();
