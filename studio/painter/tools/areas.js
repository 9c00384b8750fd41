/** Tools that draw the rim of an area and paint what is inside: polygon, lasso, rectangle. */

import { UNLABELLED } from '../labelmap.js';
import { polygon, rectangle } from '../shapes.js';

const CLOSING_REACH = 8; // CSS pixels around the first corner in which a click closes the polygon

function classFor(studio, point) {
  return point.isErasing ? UNLABELLED : studio.settings.get('classId');
}

/** Corners by clicks; Enter, a double click or a click on the first corner paints. */
export function createPolygon(studio) {
  let corners = [];
  let classId = UNLABELLED;

  const finish = () => {
    const points = withoutRepeats(corners);
    corners = [];
    if (points.length >= 3) studio.desk.paintOnce(polygon(points, studio.desk.map.clip), classId);
    studio.redraw();
  };
  const isOnFirst = (point) =>
    corners.length > 2 &&
    Math.hypot(point.x - corners[0].x, point.y - corners[0].y) * studio.view.scale <= CLOSING_REACH;
  const actions = {
    Enter: finish,
    Backspace: () => corners.pop(),
    Escape: () => (corners = []),
  };

  return {
    id: 'polygon',
    press(point) {
      if (studio.desk.isReadOnly) return;
      if (!corners.length) classId = classFor(studio, point);
      if (isOnFirst(point)) return finish();
      corners.push({ x: point.x, y: point.y });
      if (point.isDouble) finish();
    },
    move() {},
    release() {},
    cancel() {
      const wasBusy = corners.length > 0;
      corners = [];
      return wasBusy;
    },
    /** @returns {boolean} whether the key was for the polygon */
    key(name) {
      if (!corners.length || !(name in actions)) return false;
      actions[name]();
      studio.redraw();
      return true;
    },
    preview(pointer) {
      return { path: corners.length ? [...corners, pointer] : [pointer], hasHandles: true };
    },
  };
}

/** A double click puts two corners on one spot. */
function withoutRepeats(corners) {
  return corners.filter(({ x, y }, k) => k === 0 || x !== corners[k - 1].x || y !== corners[k - 1].y);
}

/** The rim is drawn by hand and closed with a straight line. */
export function createLasso(studio) {
  return createDragged(studio, {
    id: 'lasso',
    spansOf: (points, clip) => polygon(points, clip),
    previewOf: (points) => ({ path: points }),
  });
}

/** From the pixel where the button went down to the pixel where it goes up, both included. */
export function createRectangle(studio) {
  const spansOf = (points, clip) => rectangle(points[0], points.at(-1), clip);
  return createDragged(studio, {
    id: 'rectangle',
    spansOf,
    previewOf: (points, clip) => ({ spans: spansOf(points, clip), isTinted: true }),
  });
}

function createDragged(studio, { id, spansOf, previewOf }) {
  let points = [];
  let classId = UNLABELLED;
  return {
    id,
    press(point) {
      if (studio.desk.isReadOnly) return;
      classId = classFor(studio, point);
      points = [{ x: point.x, y: point.y }];
    },
    move(point) {
      if (points.length) points.push({ x: point.x, y: point.y });
    },
    release() {
      if (!points.length) return;
      const spans = spansOf(points, studio.desk.map.clip);
      points = [];
      studio.desk.paintOnce(spans, classId);
    },
    cancel() {
      const wasBusy = points.length > 0;
      points = [];
      return wasBusy;
    },
    preview(pointer) {
      return previewOf(points.length ? points : [pointer], studio.desk.map.clip);
    },
  };
}
