/** Regions of a face as the server sends them, see studio/routes/. */

const HEADER = 16; // bytes: width, height, levels, regions of the finest level

/**
 * All levels share the finest map; the others are a table over its ids, so nothing is expanded here.
 * @param {Uint8Array} bytes little endian: uint32 width, height, levels, regions; uint16 ids
 *   [height * width] of the finest level; uint16 [regions] for each coarser level, coarsest first
 * @returns {import('../painter/superpixels.js').SuperpixelLevel[]} coarse to fine
 * @throws {Error} if the length does not fit the header
 */
export function readRegions(bytes) {
  if (bytes.length < HEADER) throw new Error(`Regions were cut off: ${bytes.length} bytes came, a header has ${HEADER}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const [width, height, count, regions] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  const expected = HEADER + 2 * (width * height + regions * Math.max(0, count - 1));
  if (bytes.length !== expected) {
    throw new Error(`Regions of ${width} x ${height} pixels in ${count} levels have ${expected} bytes; ${bytes.length} came. Open the face again.`);
  }
  const numbers = littleEndian(bytes.slice(HEADER));
  const ids = numbers.subarray(0, width * height);
  return Array.from({ length: count }, (_, level) => {
    if (level === count - 1) return { level, width, height, ids };
    const start = width * height + level * regions;
    return { level, width, height, ids, table: numbers.subarray(start, start + regions) };
  });
}

function littleEndian(bytes) {
  const numbers = new Uint16Array(bytes.buffer);
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return numbers;
  return numbers.map((number) => ((number & 0xff) << 8) | (number >> 8));
}
