/** Regions that depend on what is painted: filling, closing a contour, cleaning up. All pure. */

import { UNLABELLED } from './labelmap.js';
import { capsule } from './shapes.js';

/**
 * The pixels of the seed's class that are connected to it by sides (4-connected).
 * @param {Uint8Array} ids [height * width]
 * @returns {import('./shapes.js').Spans}
 */
export function floodSpans(ids, width, height, x, y) {
  const wanted = ids[y * width + x];
  const seen = new Uint8Array(ids.length);
  const isNew = (i) => ids[i] === wanted && !seen[i];
  const spans = [];
  const stack = [x, y];
  while (stack.length) {
    const row = stack.pop();
    const column = stack.pop();
    const start = row * width;
    if (!isNew(start + column)) continue;
    let x0 = column;
    let x1 = column + 1;
    while (x0 > 0 && isNew(start + x0 - 1)) x0--;
    while (x1 < width && isNew(start + x1)) x1++;
    seen.fill(1, start + x0, start + x1);
    spans.push(row, x0, x1);
    for (const next of [row - 1, row + 1]) {
      if (next >= 0 && next < height) pushSeeds(stack, isNew, next, next * width, x0, x1);
    }
  }
  return spans;
}

/** One seed for each run of new pixels of a row below or above a filled span. */
function pushSeeds(stack, isNew, row, start, x0, x1) {
  for (let x = x0; x < x1; x++) {
    if (isNew(start + x) && (x === x0 || !isNew(start + x - 1))) stack.push(x, row);
  }
}

/** Every pixel of a class, wherever it is. @returns {import('./shapes.js').Spans} */
export function classSpans(ids, width, height, classId) {
  const spans = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ids[y * width + x] !== classId) continue;
      const x0 = x;
      while (x < width && ids[y * width + x] === classId) x++;
      spans.push(y, x0, x);
    }
  }
  return spans;
}

/**
 * A closed brush stroke with everything it encloses.
 * Rule: the stroke is joined from its end to its start; a pixel is enclosed if no way by sides leads
 * from it to the outside without crossing the stroke. Parts off the map close the stroke, too.
 * @param {{x: number, y: number, diameter: number}[]} points of the stroke
 * @param {import('./shapes.js').Box} clip the map
 * @returns {import('./shapes.js').Spans} stroke and inside, clipped to the map
 */
export function enclosedSpans(points, clip) {
  const frame = frameOf(points, clip);
  const width = frame.x1 - frame.x0;
  const height = frame.y1 - frame.y0;
  const stroke = new Uint8Array(width * height);
  for (let k = 0; k < points.length; k++) {
    const point = points[(k + 1) % points.length];
    const spans = capsule(points[k], point, point.diameter, frame);
    for (let s = 0; s < spans.length; s += 3) {
      const start = (spans[s] - frame.y0) * width - frame.x0;
      stroke.fill(1, start + spans[s + 1], start + spans[s + 2]);
    }
  }
  const outside = floodSpans(stroke, width, height, 0, 0);
  const inside = new Uint8Array(stroke.length).fill(1);
  for (let s = 0; s < outside.length; s += 3) {
    const start = outside[s] * width;
    inside.fill(0, start + outside[s + 1], start + outside[s + 2]);
  }
  return clipped(classSpans(inside, width, height, 1), frame, clip);
}

/** The stroke's own box with an empty rim, at most one map size beyond the map on each side. */
function frameOf(points, clip) {
  const reach = Math.max(...points.map((point) => point.diameter)) / 2 + 2;
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  return {
    x0: Math.max(-clip.x1, Math.floor(Math.min(...xs) - reach)),
    y0: Math.max(-clip.y1, Math.floor(Math.min(...ys) - reach)),
    x1: Math.min(2 * clip.x1, Math.ceil(Math.max(...xs) + reach)),
    y1: Math.min(2 * clip.y1, Math.ceil(Math.max(...ys) + reach)),
  };
}

/** Spans of a frame, moved to the map and cut to it. */
function clipped(spans, frame, clip) {
  const result = [];
  for (let s = 0; s < spans.length; s += 3) {
    const y = spans[s] + frame.y0;
    const x0 = Math.max(clip.x0, spans[s + 1] + frame.x0);
    const x1 = Math.min(clip.x1, spans[s + 2] + frame.x0);
    if (y >= clip.y0 && y < clip.y1 && x0 < x1) result.push(y, x0, x1);
  }
  return result;
}

/**
 * Small islands of a class take the class most common along their sides (the lower id on a tie).
 * Decided on the map as it is, for all islands at once.
 * @param {number} maxArea islands of up to this many pixels, 4-connected
 * @param {number | null} classId islands of this class; null: of every class
 * @returns {Uint8Array} the new map
 */
export function withoutSpecks(ids, width, height, maxArea, classId) {
  const isSpeck = (part) =>
    part.area <= maxArea && (classId === null ? part.value !== UNLABELLED : part.value === classId);
  return absorbed(ids, width, height, isSpeck);
}

/**
 * Small holes are filled.
 * @param {number} maxArea holes of up to this many pixels, 4-connected
 * @param {number | null} classId holes inside this class: whatever it encloses away from the map's rim
 *   becomes this class. null: unlabelled holes take the class most common along their sides
 * @returns {Uint8Array} the new map
 */
export function withoutHoles(ids, width, height, maxArea, classId) {
  if (classId === null) {
    return absorbed(ids, width, height, (part) => part.area <= maxArea && part.value === UNLABELLED);
  }
  const isClass = ids.map((id) => (id === classId ? 1 : 0));
  const { labels, parts } = components(isClass, width, height);
  const isHole = (part) => part.value === 0 && part.area <= maxArea && !part.touchesRim;
  return ids.map((id, i) => (isHole(parts[labels[i]]) ? classId : id));
}

/** The map with each chosen part given to its most common neighbour. */
function absorbed(ids, width, height, isChosen) {
  const { labels, parts } = components(ids, width, height);
  const votes = new Map();
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!isChosen(parts[labels[i]])) continue;
      if (x > 0) vote(votes, labels, ids, i, i - 1);
      if (x + 1 < width) vote(votes, labels, ids, i, i + 1);
      if (y > 0) vote(votes, labels, ids, i, i - width);
      if (y + 1 < height) vote(votes, labels, ids, i, i + width);
    }
  }
  const winners = new Map();
  for (const [label, counts] of votes) winners.set(label, counts.indexOf(Math.max(...counts)));
  return ids.map((id, i) => winners.get(labels[i]) ?? id);
}

function vote(votes, labels, ids, i, neighbour) {
  if (labels[i] === labels[neighbour]) return;
  if (!votes.has(labels[i])) votes.set(labels[i], new Array(256).fill(0));
  votes.get(labels[i])[ids[neighbour]]++;
}

/**
 * The 4-connected parts of equal value.
 * @param {Uint8Array} values [height * width]
 * @returns {{labels: Int32Array, parts: {value: number, area: number, touchesRim: boolean}[]}}
 */
export function components(values, width, height) {
  const labels = new Int32Array(values.length).fill(-1);
  const stack = new Int32Array(values.length);
  const parts = [];
  for (let seed = 0; seed < values.length; seed++) {
    if (labels[seed] >= 0) continue;
    parts.push(grow(values, width, height, labels, stack, seed, parts.length));
  }
  return { labels, parts };
}

function grow(values, width, height, labels, stack, seed, label) {
  const part = { value: values[seed], area: 0, touchesRim: false };
  let depth = 1;
  stack[0] = seed;
  labels[seed] = label;
  const visit = (i) => {
    if (labels[i] >= 0 || values[i] !== part.value) return;
    labels[i] = label;
    stack[depth++] = i;
  };
  while (depth) {
    const i = stack[--depth];
    const x = i % width;
    part.area++;
    if (x > 0) visit(i - 1);
    if (x + 1 < width) visit(i + 1);
    if (i >= width) visit(i - width);
    if (i + width < values.length) visit(i + width);
    if (x === 0 || x + 1 === width || i < width || i + width >= values.length) part.touchesRim = true;
  }
  return part;
}
