/** Mouse and fingers on one of two linked pictures: wheel zooms at the pointer, dragging moves. */

const WHEEL_STEP = 2 ** (1 / 4); // zoom per notch of the wheel

/**
 * @param {HTMLCanvasElement} element
 * @param {import('../../painter/view.js').View} view shared by both pictures
 * @param {{moved: (point: {x: number, y: number} | null) => void, changed: () => void, fit: (x: number, y: number) => void}} tell
 *   moved: where the pointer is in CSS pixels of the canvas, null: it left; changed: the view did
 */
export function followPointer(element, view, tell) {
  const down = new Map(); // pointer id -> where it is, in CSS pixels of the canvas
  const at = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button > 1) return;
    event.preventDefault();
    down.set(event.pointerId, at(event));
    if (event.isTrusted) element.setPointerCapture(event.pointerId);
  });
  element.addEventListener('pointermove', (event) => {
    const point = at(event);
    if (down.has(event.pointerId)) {
      const before = spread(down);
      down.set(event.pointerId, point);
      moveView(view, before, spread(down));
      tell.changed();
    }
    tell.moved(point);
  });
  for (const type of ['pointerup', 'pointercancel']) {
    element.addEventListener(type, (event) => down.delete(event.pointerId));
  }
  element.addEventListener('pointerleave', () => down.size || tell.moved(null));
  element.addEventListener('dblclick', (event) => tell.fit(at(event).x, at(event).y));
  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    const notches = -event.deltaY / (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 3 : 100);
    // A pinch on a touch pad arrives as a wheel with Ctrl.
    view.zoomAt(x, y, view.scale * (event.ctrlKey ? Math.exp(-event.deltaY / 100) : WHEEL_STEP ** notches));
    tell.changed();
    tell.moved({ x, y });
  }, { passive: false });
}

/** Middle of the first two pointers that are down, and how far apart they are. */
function spread(down) {
  const [a, b = a] = [...down.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) };
}

function moveView(view, before, after) {
  if (before.distance && after.distance) {
    view.zoomAt(before.x, before.y, (view.scale * after.distance) / before.distance);
  }
  view.panBy(after.x - before.x, after.y - before.y);
}
