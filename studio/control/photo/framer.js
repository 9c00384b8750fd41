/** The photo with the frame over it: dragged, turned, enlarged, by hand and by keys. */

import { make } from '../../painter/panels/dom.js';
import { changed, corners, toFrame, toPhoto } from './frame.js';

const MARGIN = 0.1; // of the canvas, around the photo: frames may reach beyond it
const HANDLE = 9; // px, half a side of what is grabbed
const STALK = 0.62; // sides above the centre, where it is turned
const KEYS = {
  ArrowLeft: { across: -0.01 },
  ArrowRight: { across: 0.01 },
  ArrowUp: { down: -0.01 },
  ArrowDown: { down: 0.01 },
  '+': { factor: 1 / 1.02 },
  '=': { factor: 1 / 1.02 },
  '-': { factor: 1.02 },
  ',': { turn: -1 },
  '.': { turn: 1 },
};
const CURSORS = { corner: 'nwse-resize', turn: 'grab', move: 'move', face: 'pointer' };

export class Framer {
  #image = null;
  #photo = null; // as the server describes it
  #drag = null;
  #hovered = null; // face
  frame = null;

  /** @param {{onChange: () => void, onPick: (face: object) => void}} on */
  constructor(on) {
    Object.assign(this, on);
    const about = 'The frame: arrows move it, plus and minus enlarge the face, comma and full stop turn it; with Shift five times as far';
    this.element = make('canvas', { class: 'fl-co-framer', tabindex: 0, role: 'application', 'aria-label': about, 'aria-roledescription': 'frame' });
    this.element.addEventListener('pointerdown', (event) => this.#down(event));
    this.element.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) this.element.addEventListener(end, () => (this.#drag = null));
    this.element.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.element.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** @param {ImageBitmap} image the photo, smaller @param {object | null} frame null: one is picked first */
  show(photo, image, frame) {
    this.#photo = photo;
    this.#image = image;
    this.frame = frame;
    this.draw();
  }

  change(how) {
    if (!this.frame) return;
    this.frame = changed(this.frame, this.#photo.size, how);
    this.draw();
    this.onChange();
  }

  set(frame) {
    this.frame = frame;
    this.draw();
    this.onChange();
  }

  /** px of the canvas for one of the photo, and where the photo begins. */
  #view() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const [w, h] = this.#photo.size;
    const scale = Math.min((width * (1 - 2 * MARGIN)) / w, (height * (1 - 2 * MARGIN)) / h);
    return { scale, x: (width - w * scale) / 2, y: (height - h * scale) / 2 };
  }

  #at(event) {
    const { left, top } = this.element.getBoundingClientRect();
    const { scale, x, y } = this.#view();
    return [(event.clientX - left - x) / scale, (event.clientY - top - y) / scale];
  }

  /** What lies there. */
  #grabbed(point) {
    if (!this.frame) {
      const face = this.#photo.faces.find(({ box: [left, top, right, bottom] }) => point[0] >= left && point[0] <= right && point[1] >= top && point[1] <= bottom);
      return face ? { kind: 'face', face } : null;
    }
    const reach = (1.6 * HANDLE) / this.#view().scale;
    const isNear = ([x, y]) => Math.hypot(point[0] - x, point[1] - y) < reach;
    if (isNear(toPhoto(this.frame, [0, -STALK]))) return { kind: 'turn' };
    if (corners(this.frame).some(isNear)) return { kind: 'corner' };
    const [across, down] = toFrame(this.frame, point);
    return Math.max(Math.abs(across), Math.abs(down)) < 0.5 ? { kind: 'move' } : null;
  }

  #down(event) {
    if (!this.#photo || event.button) return;
    const point = this.#at(event);
    const grabbed = this.#grabbed(point);
    if (grabbed?.kind === 'face') return this.onPick(grabbed.face);
    if (!grabbed) return;
    this.element.setPointerCapture(event.pointerId);
    this.#drag = { ...grabbed, point, frame: this.frame };
  }

  #move(event) {
    if (!this.#photo) return;
    const point = this.#at(event);
    const drag = this.#drag;
    if (!drag) {
      const grabbed = this.#grabbed(point);
      this.element.style.cursor = CURSORS[grabbed?.kind] ?? 'default';
      if ((grabbed?.face ?? null) !== this.#hovered) {
        this.#hovered = grabbed?.face ?? null;
        this.draw();
      }
      return;
    }
    const { frame: from } = drag;
    const { size } = this.#photo;
    if (drag.kind === 'move') {
      const [now, then] = [toFrame(from, point), toFrame(from, drag.point)];
      return this.set(changed(from, size, { across: now[0] - then[0], down: now[1] - then[1] }));
    }
    const away = ([x, y]) => [x - from.centre_x, y - from.centre_y];
    const [now, then] = [away(point), away(drag.point)];
    if (drag.kind === 'corner') return this.set(changed(from, size, { factor: Math.hypot(...now) / Math.hypot(...then) }));
    const turn = ((Math.atan2(now[1], now[0]) - Math.atan2(then[1], then[0])) * 180) / Math.PI;
    return this.set(changed(from, size, { turn }));
  }

  #wheel(event) {
    if (!this.frame) return;
    event.preventDefault();
    this.change({ factor: Math.exp(Math.sign(event.deltaY) * 0.03) });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = KEYS[event.key] ?? KEYS[{ '*': '+', _: '-', '<': ',', '>': '.', ';': ',', ':': '.' }[event.key]];
    if (!step || !this.frame) return;
    event.preventDefault();
    const times = event.shiftKey ? 5 : 1;
    const { across = 0, down = 0, turn = 0, factor = 1 } = step;
    this.change({ across: across * times, down: down * times, turn: turn * times, factor: factor ** times });
  }

  draw() {
    if (!this.#photo || !this.element.clientWidth) return;
    const { element: canvas } = this;
    const ratio = window.devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const context = canvas.getContext('2d');
    const view = this.#view();
    const place = () => context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    place();
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#image, 0, 0, ...this.#photo.size);
    const px = 1 / view.scale; // of the screen
    if (this.frame) this.#drawFrame(context, px, ratio);
    else this.#photo.faces.forEach((face, i) => this.#drawFace(context, face, i, px));
  }

  #drawFrame(context, px, ratio) {
    const path = new Path2D();
    corners(this.frame).forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
    const all = new Path2D();
    const far = 1e5;
    all.rect(-far, -far, 2 * far, 2 * far);
    all.addPath(path);
    context.fillStyle = 'rgb(16 20 28 / 0.55)';
    context.fill(all, 'evenodd');
    const stalk = new Path2D();
    stalk.moveTo(...toPhoto(this.frame, [0, -0.5]));
    stalk.lineTo(...toPhoto(this.frame, [0, -STALK]));
    for (const [style, width] of [['rgb(16 20 28 / 0.8)', 4], ['#ffffff', 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width * px;
      context.stroke(path);
      context.stroke(stalk);
    }
    const [colour, edge] = ['#ffffff', 'rgb(16 20 28 / 0.8)'];
    const handles = [...corners(this.frame), toPhoto(this.frame, [0, -STALK])];
    for (const [x, y] of handles) {
      context.beginPath();
      context.arc(x, y, (HANDLE - 2) * px, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.fill();
      context.strokeStyle = edge;
      context.lineWidth = 1.5 * px;
      context.stroke();
    }
    this.element.dataset.frame = JSON.stringify(this.frame);
    this.element.dataset.ratio = ratio;
  }

  #drawFace(context, face, number, px) {
    const [left, top, right, bottom] = face.box;
    const isHovered = face === this.#hovered;
    for (const [style, width] of [['rgb(16 20 28 / 0.8)', 5], [isHovered ? '#5cc8ff' : '#ffffff', 2.5]]) {
      context.strokeStyle = style;
      context.lineWidth = width * px;
      context.strokeRect(left, top, right - left, bottom - top);
    }
    context.fillStyle = 'rgb(16 20 28 / 0.82)';
    context.beginPath();
    context.arc(left, top, 13 * px, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = '#ffffff';
    context.font = `600 ${15 * px}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(String(number + 1), left, top);
  }
}
