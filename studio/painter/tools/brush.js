/** Brush and eraser: round, a whole number of image pixels wide. */

import { UNLABELLED } from '../labelmap.js';
import { enclosedSpans } from '../regions.js';
import { MIN_SIZE } from '../settings.js';
import { capsule } from '../shapes.js';

const CLOSING_REACH = 16; // CSS pixels between end and start at which a stroke counts as closed

/**
 * @param {object} studio see painter.js
 * @param {{id: string, erases?: boolean}} kind
 */
export function createBrush(studio, { id, erases = false }) {
  let stroke = []; // [{x, y, diameter}] in image pixels; empty: not painting
  let classId = UNLABELLED;

  const extend = (point) => {
    const next = { x: point.x, y: point.y, diameter: diameterFor(studio.settings, point) };
    const last = stroke.at(-1) ?? next;
    stroke.push(next);
    studio.desk.paint(capsule(last, next, next.diameter, studio.desk.map.clip), classId);
  };

  const closes = (point) => {
    const reach = Math.max(stroke[0].diameter, CLOSING_REACH / studio.view.scale);
    return point.isShift && stroke.length > 2 && distance(stroke[0], stroke.at(-1)) <= reach;
  };

  return {
    id,
    press(point) {
      if (!studio.desk.begin()) return;
      classId = erases || point.isErasing ? UNLABELLED : studio.settings.get('classId');
      stroke = [];
      extend(point);
    },
    move(point) {
      if (stroke.length) extend(point);
    },
    release(point) {
      if (!stroke.length) return;
      if (closes(point)) studio.desk.paint(enclosedSpans(stroke, studio.desk.map.clip), classId);
      stroke = [];
      studio.desk.commit();
    },
    cancel() {
      if (!stroke.length) return false;
      stroke = [];
      studio.desk.cancel();
      return true;
    },
    /** Exactly the pixels that a click here would cover. */
    preview(pointer) {
      const size = studio.settings.size ?? MIN_SIZE;
      return { spans: capsule(pointer, pointer, size, studio.desk.map.clip), isCursor: true };
    },
  };
}

/** A pen's pressure scales the diameter if the person wants that. */
function diameterFor(settings, point) {
  const scales = settings.get('usesPressure') && point.isPen && point.pressure > 0;
  return scales ? Math.max(MIN_SIZE, Math.round(settings.size * point.pressure)) : settings.size;
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
