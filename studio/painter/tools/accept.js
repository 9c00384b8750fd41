/** A brush that paints what is predicted where it goes; with the right button it erases. */

import { UNLABELLED } from '../labelmap.js';
import { MIN_SIZE } from '../settings.js';
import { capsule } from '../shapes.js';

/** @param {import('../studio.js').Studio} studio */
export function createAcceptBrush(studio) {
  let last = null; // point of the stroke before; null: not painting
  let ids = null; // the prediction as the stroke found it
  let isErasing = false;

  const extend = (point) => {
    const spans = capsule(last ?? point, point, studio.settings.size, studio.desk.map.clip);
    if (isErasing) studio.desk.paint(spans, UNLABELLED);
    else studio.desk.copy(spans, ids);
    last = point;
  };

  return {
    id: 'accept',
    press(point) {
      ids = studio.prediction.ids;
      isErasing = point.isErasing;
      if (!ids && !isErasing) return studio.say('There is no prediction yet. Turn live learning on and paint a few strokes.');
      if (studio.desk.begin()) extend(point);
      return undefined;
    },
    move(point) {
      if (last) extend(point);
    },
    release() {
      if (!last) return;
      last = null;
      studio.desk.commit();
    },
    cancel() {
      if (!last) return false;
      last = null;
      studio.desk.cancel();
      return true;
    },
    preview(pointer) {
      const size = studio.settings.size ?? MIN_SIZE;
      return { spans: capsule(pointer, pointer, size, studio.desk.map.clip), isCursor: true };
    },
  };
}
