/** Tools that take what is there: bucket, smart brush, picker. */

import { UNLABELLED } from '../labelmap.js';
import { classSpans, floodSpans } from '../regions.js';
import { line } from '../shapes.js';

/** Whole coordinates and class of the pixel under the pointer; null outside of the map. */
function pixelUnder(map, point) {
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  const id = map.at(x, y);
  return id === null ? null : { x, y, id };
}

function classFor(studio, point) {
  return point.isErasing ? UNLABELLED : studio.settings.get('classId');
}

/** Paints the connected pixels of one class, or all of them if so set. */
export function createBucket(studio) {
  return {
    id: 'bucket',
    press(point) {
      const { map } = studio.desk;
      const pixel = pixelUnder(map, point);
      if (!pixel) return;
      const spans = studio.settings.get('fillsWholeFace')
        ? classSpans(map.ids, map.width, map.height, pixel.id)
        : floodSpans(map.ids, map.width, map.height, pixel.x, pixel.y);
      studio.desk.paintOnce(spans, classFor(studio, point));
    },
    move() {},
    release() {},
    cancel: () => false,
    preview: (pointer) => pixelPreview(studio.desk.map, pointer),
  };
}

/** Makes the class under the pointer the one to paint with. */
export function createPicker(studio) {
  return {
    id: 'pick',
    press(point) {
      const pixel = pixelUnder(studio.desk.map, point);
      if (pixel && pixel.id !== UNLABELLED) studio.pickClass(pixel.id);
    },
    move(point) {
      this.press(point);
    },
    /** Picking is for painting: the tool before comes back. */
    release() {
      if (studio.settings.get('tool') === 'pick') studio.settings.set('tool', studio.paintTool);
    },
    cancel: () => false,
    preview: (pointer) => pixelPreview(studio.desk.map, pointer),
  };
}

function pixelPreview(map, pointer) {
  const pixel = pixelUnder(map, pointer);
  return { spans: pixel ? [pixel.y, pixel.x, pixel.x + 1] : [], isCursor: true };
}

/**
 * Paints whole superpixels, exactly to their borders.
 * Rule: every region with a pixel under the pointer's way (a one-pixel line) is painted.
 */
export function createSmartBrush(studio) {
  let last = null; // previous position of the drag
  let classId = UNLABELLED;
  let shown = {}; // the region last hovered over, with its spans

  const level = () => studio.settings.get('level');
  const paintAlong = (point) => {
    const { map, superpixels } = studio.desk;
    const way = line(last, point, map.clip);
    const regions = new Set();
    for (let k = 0; k < way.length; k += 3) regions.add(superpixels.regionAt(level(), way[k + 1], way[k]));
    for (const region of regions) studio.desk.paint(superpixels.spansOf(level(), region), classId);
    last = point;
  };

  return {
    id: 'smart',
    press(point) {
      if (!studio.desk.superpixels.count) return studio.say(studio.desk.regionsNote);
      if (!studio.desk.begin()) return;
      classId = classFor(studio, point);
      last = point;
      paintAlong(point);
    },
    move(point) {
      if (last) paintAlong(point);
    },
    release() {
      last = null;
      studio.desk.commit();
    },
    cancel() {
      if (!last) return false;
      last = null;
      studio.desk.cancel();
      return true;
    },
    /** The region under the pointer. */
    preview(pointer) {
      const { map, superpixels } = studio.desk;
      const pixel = pixelUnder(map, pointer);
      if (!pixel || !superpixels.count) return pixelPreview(map, pointer);
      const hovered = { superpixels, level: level(), region: superpixels.regionAt(level(), pixel.x, pixel.y) };
      if (Object.keys(hovered).some((name) => hovered[name] !== shown[name])) {
        shown = { ...hovered, spans: superpixels.spansOf(hovered.level, hovered.region) };
      }
      return { spans: shown.spans, isTinted: true };
    },
  };
}
