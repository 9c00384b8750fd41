/** The boundary of a set of pixels, for cursors and highlights that tell the truth at every zoom. */

/**
 * The edges between covered and uncovered pixels.
 * @param {import('./shapes.js').Spans} spans rows in any order; spans of one row do not overlap
 * @returns {number[]} flat [x0, y0, x1, y1, ...], axis-parallel segments in image pixels
 */
export function outlineOf(spans) {
  const rows = borderColumns(spans);
  const segments = [];
  for (const [y, columns] of rows) {
    for (const x of columns) segments.push(x, y, x, y + 1);
    pushSteps(segments, y, columns, rows.get(y - 1) ?? []);
    if (!rows.has(y + 1)) pushSteps(segments, y + 1, columns, []);
  }
  return segments;
}

/** Row -> sorted columns at which the row changes between uncovered and covered. */
function borderColumns(spans) {
  const rows = new Map();
  for (let k = 0; k < spans.length; k += 3) {
    if (!rows.has(spans[k])) rows.set(spans[k], []);
    rows.get(spans[k]).push(spans[k + 1], spans[k + 2]);
  }
  for (const [y, columns] of rows) rows.set(y, oddOnes(columns));
  return rows;
}

/** Horizontal edges at height y: where exactly one of the two rows is covered. */
function pushSteps(segments, y, upper, lower) {
  const columns = oddOnes([...upper, ...lower]);
  for (let k = 0; k < columns.length; k += 2) segments.push(columns[k], y, columns[k + 1], y);
}

/** The numbers that occur an odd number of times, sorted: borders of touching spans cancel out. */
function oddOnes(numbers) {
  const sorted = numbers.sort((a, b) => a - b);
  const odd = [];
  for (const number of sorted) {
    if (odd.length && odd[odd.length - 1] === number) odd.pop();
    else odd.push(number);
  }
  return odd;
}
