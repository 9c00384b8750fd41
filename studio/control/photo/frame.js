/**
 * The square of a photo that is cut out: {centre_x, centre_y, side, angle}, px of the photo and degrees
 * clockwise, as core/inversion/frame.py has it.
 */

const LEAST = 16; // px a side
const MOST = 4; // longer sides of the photo

/** The largest square in the middle. */
export function middleFrame([width, height]) {
  return { centre_x: width / 2, centre_y: height / 2, side: Math.min(width, height), angle: 0 };
}

/** @returns {[number, number]} the frame's own x and y, in sides from its centre, in the photo's px */
export function toPhoto({ centre_x: x, centre_y: y, side, angle }, [across, down]) {
  const [cos, sin] = turned(angle);
  return [x + side * (across * cos - down * sin), y + side * (across * sin + down * cos)];
}

/** @returns {[number, number]} a point of the photo in sides from the frame's centre, along its own directions */
export function toFrame({ centre_x: x, centre_y: y, side, angle }, [px, py]) {
  const [cos, sin] = turned(angle);
  const [dx, dy] = [(px - x) / side, (py - y) / side];
  return [dx * cos + dy * sin, dy * cos - dx * sin];
}

/** @returns {[number, number][]} top left, top right, bottom right, bottom left */
export function corners(frame) {
  return [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]].map((at) => toPhoto(frame, at));
}

/** Moved along its own directions, in sides; turned by degrees; enlarged by a factor; kept on the photo. */
export function changed(frame, size, { across = 0, down = 0, turn = 0, factor = 1 }) {
  const [x, y] = toPhoto(frame, [across, down]);
  const side = Math.min(Math.max(frame.side * factor, LEAST), MOST * Math.max(...size));
  const angle = ((((frame.angle + turn + 180) % 360) + 360) % 360) - 180;
  return { centre_x: within(x, size[0]), centre_y: within(y, size[1]), side, angle };
}

/** Draws what the frame shows onto a square canvas. @param {CanvasImageSource} image scale px of it are one of the photo */
export function drawCut(canvas, image, frame, scale) {
  const context = canvas.getContext('2d');
  const step = canvas.width / frame.side;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((-frame.angle * Math.PI) / 180);
  context.scale(step, step);
  context.translate(-frame.centre_x, -frame.centre_y);
  context.scale(1 / scale, 1 / scale);
  context.drawImage(image, 0, 0);
}

function turned(angle) {
  const radians = (angle * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

function within(value, most) {
  return Math.min(Math.max(value, 0), most);
}
