/**
 * Which pixels a shape covers. Pure geometry: no map, no canvas, no state.
 *
 * Image coordinates are in pixels, x right and y down; pixel (i, j) is the square [i, i+1) x [j, j+1)
 * with its centre at (i + 0.5, j + 0.5).
 *
 * Every function answers with *spans*: a flat array [y, x0, x1, y, x0, x1, ...], where a triple means
 * the pixels x0 <= x < x1 of row y. A *box* is {x0, y0, x1, y1}, half open like a span.
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {{x0: number, y0: number, x1: number, y1: number}} Box
 * @typedef {number[]} Spans
 */

/**
 * The round brush drawn from one pointer position to the next.
 * Rule: a pixel is covered if its centre is at most diameter / 2 away from the straight line between
 * the two positions. Rule for diameter 1: exactly the pixels of `line`, so a click is exactly one pixel.
 * The comparison is made without division, so pixels on the very edge are decided exactly.
 * @param {Point} from
 * @param {Point} to may equal `from` (a click)
 * @param {number} diameter in image pixels, a whole number >= 1
 * @param {Box} clip only pixels inside are answered
 * @returns {Spans}
 */
export function capsule(from, to, diameter, clip) {
  if (diameter === 1) return line(from, to, clip);
  const radius = diameter / 2;
  const inside = capsuleTest(from, to, radius);
  const spans = [];
  const top = Math.max(clip.y0, Math.floor(Math.min(from.y, to.y) - radius) - 1);
  const bottom = Math.min(clip.y1, Math.ceil(Math.max(from.y, to.y) + radius) + 1);
  for (let y = top; y < bottom; y++) {
    const [left, right] = roughRow(from, to, radius, y + 0.5);
    let x0 = Math.max(clip.x0, left);
    let x1 = Math.min(clip.x1, right);
    while (x0 < x1 && !inside(x0 + 0.5, y + 0.5)) x0++;
    while (x1 > x0 && !inside(x1 - 0.5, y + 0.5)) x1--;
    if (x0 < x1) spans.push(y, x0, x1);
  }
  return spans;
}

/** @returns {(x: number, y: number) => boolean} is the point at most `radius` from the segment? */
function capsuleTest(from, to, radius) {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length2 = dx * dx + dy * dy;
  const radius2 = radius * radius;
  return (x, y) => {
    const ax = x - from.x;
    const ay = y - from.y;
    const along = ax * dx + ay * dy;
    if (along <= 0) return ax * ax + ay * ay <= radius2;
    if (along >= length2) return (x - to.x) ** 2 + (y - to.y) ** 2 <= radius2;
    const across = ax * dy - ay * dx;
    return across * across <= radius2 * length2;
  };
}

/** Columns that surely hold the capsule's part of the row at height y; a little wide, never narrow. */
function roughRow(from, to, radius, y) {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  let start = 0;
  let stop = 1;
  if (Math.abs(dy) > 1e-6) {
    const a = (y - radius - from.y) / dy;
    const b = (y + radius - from.y) / dy;
    start = Math.min(1, Math.max(0, Math.min(a, b)));
    stop = Math.max(0, Math.min(1, Math.max(a, b)));
  }
  const xs = [from.x + start * dx, from.x + stop * dx];
  return [Math.floor(Math.min(...xs) - radius) - 1, Math.ceil(Math.max(...xs) + radius) + 1];
}

/**
 * The one-pixel line from the pixel under `from` to the pixel under `to`.
 * Rule: n = the larger of the two distances in whole pixels; pixel k of 0..n lies k / n of the way,
 * each coordinate rounded to the nearest pixel, halves up. The pixels touch by sides or corners.
 * @returns {Spans} one triple per pixel
 */
export function line(from, to, clip) {
  const x = Math.floor(from.x);
  const y = Math.floor(from.y);
  const dx = Math.floor(to.x) - x;
  const dy = Math.floor(to.y) - y;
  const steps = Math.max(Math.abs(dx), Math.abs(dy));
  const spans = [];
  for (let k = 0; k <= steps; k++) {
    const column = x + (steps ? Math.floor((2 * k * dx + steps) / (2 * steps)) : 0);
    const row = y + (steps ? Math.floor((2 * k * dy + steps) / (2 * steps)) : 0);
    const isInside = column >= clip.x0 && column < clip.x1 && row >= clip.y0 && row < clip.y1;
    if (isInside) spans.push(row, column, column + 1);
  }
  return spans;
}

/**
 * The rectangle between two corners. Rule: from the pixel under one to the pixel under the other, both
 * included.
 * @returns {Spans}
 */
export function rectangle(a, b, clip) {
  const x0 = Math.max(clip.x0, Math.floor(Math.min(a.x, b.x)));
  const x1 = Math.min(clip.x1, Math.floor(Math.max(a.x, b.x)) + 1);
  const y0 = Math.max(clip.y0, Math.floor(Math.min(a.y, b.y)));
  const y1 = Math.min(clip.y1, Math.floor(Math.max(a.y, b.y)) + 1);
  const spans = [];
  if (x0 < x1) for (let y = y0; y < y1; y++) spans.push(y, x0, x1);
  return spans;
}

/**
 * The inside of a closed polygon, also one that crosses itself.
 * Rule: a pixel is covered if the polygon winds around its centre (non-zero rule); a centre exactly on
 * a left or upper edge is inside, on a right or lower edge it is not.
 * @param {Point[]} points the last is joined to the first
 * @returns {Spans}
 */
export function polygon(points, clip) {
  const ys = points.map((point) => point.y);
  const top = Math.max(clip.y0, Math.floor(Math.min(...ys)));
  const bottom = Math.min(clip.y1, Math.ceil(Math.max(...ys)));
  const spans = [];
  for (let y = top; y < bottom; y++) {
    const crossings = rowCrossings(points, y + 0.5);
    let winding = 0;
    for (let k = 0; k + 1 < crossings.length; k++) {
      winding += crossings[k].turn;
      if (winding === 0) continue;
      const x0 = Math.max(clip.x0, Math.ceil(crossings[k].x - 0.5));
      const x1 = Math.min(clip.x1, Math.ceil(crossings[k + 1].x - 0.5));
      if (x0 < x1) spans.push(y, x0, x1);
    }
  }
  return spans;
}

/** Where the polygon's edges cross the height y, from left to right, with the way they turn. */
function rowCrossings(points, y) {
  const crossings = [];
  for (let k = 0; k < points.length; k++) {
    const a = points[k];
    const b = points[(k + 1) % points.length];
    if (a.y <= y === b.y <= y) continue;
    const x = a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y);
    crossings.push({ x, turn: b.y > a.y ? 1 : -1 });
  }
  return crossings.sort((first, second) => first.x - second.x);
}
