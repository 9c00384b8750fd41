/**
 * The tools, by id, in the order of the toolbar.
 *
 * @typedef {object} Tool
 * @property {string} id
 * @property {(point: object) => void} press the button went down at `point`
 * @property {(point: object) => void} move the pointer moved with the button down
 * @property {(point: object) => void} release
 * @property {() => boolean} cancel gives up what is under way; false: nothing was
 * @property {(pointer: object) => import('../sketch.js').Preview} preview what a click here would do
 * @property {(name: string) => boolean} [key] a key while the tool is in hand; true: it was for it
 */

import { createAcceptBrush } from './accept.js';
import { createLasso, createPolygon, createRectangle } from './areas.js';
import { createBrush } from './brush.js';
import { createBucket, createPicker, createSmartBrush } from './picking.js';

const BUILDERS = {
  brush: (studio) => createBrush(studio, { id: 'brush' }),
  eraser: (studio) => createBrush(studio, { id: 'eraser', erases: true }),
  smart: createSmartBrush,
  polygon: createPolygon,
  lasso: createLasso,
  rectangle: createRectangle,
  bucket: createBucket,
  pick: createPicker,
  accept: createAcceptBrush,
};

/** @returns {Record<string, Tool>} */
export function createTools(studio) {
  return Object.fromEntries(Object.entries(BUILDERS).map(([id, build]) => [id, build(studio)]));
}
