/** Mouse, pen and fingers on the stage: who paints, who moves the view. */

const DOUBLE_MS = 350; // two presses within this time ...
const DOUBLE_REACH = 5; // ... and CSS pixels are a double click
const SECOND_FINGER_MS = 250; // a second finger within this time means: zoom, not paint
const WHEEL_STEP = 2 ** (1 / 4); // zoom per notch of the wheel

export class Pointer {
  #fingers = new Map(); // pointer id -> {x, y} on the screen, fingers that are down
  #mode = null; // 'paint', 'pan', 'pinch', 'ignore' or null
  #owner = null; // pointer id of the gesture under way
  #pressed = { time: -Infinity, x: 0, y: 0 };
  #hasPen = false;
  #hasRaw = false; // the browser sends 'pointerrawupdate' before 'pointermove'

  /**
   * @param {HTMLElement} element the stage
   * @param {object} studio see painter.js
   */
  constructor(element, studio) {
    Object.assign(this, { element, studio });
    this.last = null; // the pointer as last seen over the stage, or null
    const on = (type, handler, options) => element.addEventListener(type, handler, options);
    on('pointerdown', (event) => this.#down(event));
    on('pointermove', (event) => this.#move(event));
    on('pointerrawupdate', (event) => this.#rawMove(event));
    on('pointerup', (event) => this.#up(event));
    on('pointercancel', (event) => this.#up(event));
    on('pointerleave', () => this.#leave());
    on('wheel', (event) => this.#wheel(event), { passive: false });
    on('contextmenu', (event) => event.preventDefault());
  }

  get isBusy() {
    return this.#mode === 'paint';
  }

  /** Ends the gesture under way as if the button were up. */
  finish() {
    if (this.#mode !== 'paint') return;
    this.#mode = 'ignore';
    this.active.release(this.last);
  }

  /** The gesture was given up: what follows until the button is up means nothing. */
  ignoreRest() {
    if (this.#mode === 'paint') this.#mode = 'ignore';
  }

  /** Where the pointer is, in image pixels and on the screen. */
  #point(event) {
    const frame = this.element.getBoundingClientRect();
    const [screenX, screenY] = [event.clientX - frame.left, event.clientY - frame.top];
    return {
      ...this.studio.view.toImage(screenX, screenY),
      screenX,
      screenY,
      isPen: event.pointerType === 'pen',
      pressure: event.pressure,
      isShift: event.shiftKey,
      isErasing: event.button === 2 || (event.buttons & 34) !== 0, // right button, or a pen's eraser
    };
  }

  #down(event) {
    this.studio.focus();
    event.preventDefault();
    this.#hasPen ||= event.pointerType === 'pen';
    const isFinger = event.pointerType === 'touch';
    if (isFinger) this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (isFinger && this.#fingers.size > 1) return this.#startPinch();
    if (this.#mode || !this.studio.desk) return;
    this.#owner = event.pointerId;
    try {
      this.element.setPointerCapture(event.pointerId);
    } catch {
      // A pointer made by a script cannot be captured; its moves arrive all the same.
    }
    this.last = this.#point(event);
    const isPanning = event.button === 1 || this.studio.isSpaceDown || (isFinger && this.#hasPen);
    this.#mode = isPanning ? 'pan' : 'paint';
    if (this.#mode === 'paint') this.#press(event);
    this.studio.redraw();
  }

  #press(event) {
    const point = this.last;
    const { time, x, y } = this.#pressed;
    const isNear = Math.hypot(point.screenX - x, point.screenY - y) <= DOUBLE_REACH;
    point.isDouble = isNear && event.timeStamp - time <= DOUBLE_MS;
    this.#pressed = { time: event.timeStamp, x: point.screenX, y: point.screenY };
    this.active = event.altKey ? this.studio.tools.pick : this.studio.tool;
    this.active.press(point);
  }

  #move(event) {
    if (this.#fingers.has(event.pointerId)) {
      const before = this.#spread();
      this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (this.#mode === 'pinch') return this.#pinch(before, this.#spread());
    }
    if (this.#mode && event.pointerId !== this.#owner) return;
    const from = this.last;
    if (this.#mode === 'paint' && !this.#hasRaw) this.#paintAlong(event);
    this.last = this.#point(event);
    if (this.#mode === 'pan') {
      this.studio.view.panBy(this.last.screenX - from.screenX, this.last.screenY - from.screenY);
      this.studio.viewChanged();
    }
    this.studio.pointerMoved();
  }

  /** Where the browser tells of moves at once, strokes need not wait for the next screen frame. */
  #rawMove(event) {
    this.#hasRaw = true;
    if (this.#mode === 'paint' && event.pointerId === this.#owner) this.#paintAlong(event);
  }

  /** Every position the device reported, not only one per frame. */
  #paintAlong(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.active.move(this.#point(each));
  }

  #up(event) {
    this.#fingers.delete(event.pointerId);
    if (this.#mode === 'pinch' && this.#fingers.size === 0) this.#mode = null;
    if (event.pointerId !== this.#owner) return;
    this.#owner = null;
    if (this.#mode === 'pinch') return;
    const wasPainting = this.#mode === 'paint';
    this.#mode = null;
    // Also when the system takes the pointer away: what was painted is kept.
    if (wasPainting) this.active.release(this.#point(event));
    if (event.pointerType === 'touch') this.last = null;
    this.studio.pointerMoved();
  }

  #leave() {
    if (this.#mode) return;
    this.last = null;
    this.studio.pointerMoved();
  }

  #wheel(event) {
    event.preventDefault();
    if (!this.studio.desk) return;
    const notches = -event.deltaY / (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 3 : 100);
    // A pinch on a touch pad arrives as a wheel with Ctrl, although nobody holds the key.
    const isPinch = event.ctrlKey && !this.studio.isControlDown;
    if ((event.ctrlKey && !isPinch) || event.altKey) return this.studio.resizeTool(Math.sign(notches));
    const point = this.#point(event);
    const factor = isPinch ? Math.exp(-event.deltaY / 100) : WHEEL_STEP ** notches;
    this.studio.view.zoomAt(point.screenX, point.screenY, this.studio.view.scale * factor);
    this.last = this.#point(event);
    this.studio.viewChanged();
  }

  /** A second finger: a stroke just begun was the first half of a pinch, a longer one is meant. */
  #startPinch() {
    if (this.#mode === 'paint') {
      const isYoung = performance.now() - this.#pressed.time < SECOND_FINGER_MS;
      if (isYoung) this.active.cancel();
      else this.active.release(this.last);
    }
    this.#mode = 'pinch';
    this.last = null;
    this.studio.redraw();
  }

  /** Middle and distance of the first two fingers, in CSS pixels of the stage. */
  #spread() {
    const [a, b = a] = [...this.#fingers.values()];
    const frame = this.element.getBoundingClientRect();
    const middle = { x: (a.x + b.x) / 2 - frame.left, y: (a.y + b.y) / 2 - frame.top };
    return { ...middle, distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)), count: this.#fingers.size };
  }

  #pinch(before, after) {
    if (after.count < 2) return;
    const { view } = this.studio;
    view.zoomAt(before.x, before.y, (view.scale * after.distance) / before.distance);
    view.panBy(after.x - before.x, after.y - before.y);
    this.studio.viewChanged();
  }
}
