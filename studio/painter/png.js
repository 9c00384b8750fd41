/**
 * Index maps as 8-bit PNG files, written and read byte by byte. A canvas is never asked: its colour
 * management and premultiplication may change values.
 */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const GREY = 0; // colour types of the PNG standard
const PALETTE = 3;

/**
 * @param {Uint8Array} ids [height * width]
 * @param {number} width
 * @param {number} height
 * @param {string[] | null} colours '#rrggbb' per id (up to 256): a palette PNG; null: greyscale
 * @returns {Promise<Uint8Array>} the file: mode P or L, not interlaced
 */
export async function encodePng(ids, width, height, colours = null) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colours ? PALETTE : GREY, 0, 0, 0], 8);
  const rows = new Uint8Array((width + 1) * height); // each row starts with filter 0, 'none'
  for (let y = 0; y < height; y++) {
    rows.set(ids.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  }
  const chunks = [chunk('IHDR', header)];
  if (colours) chunks.push(chunk('PLTE', paletteBytes(colours)));
  chunks.push(chunk('IDAT', await pass(rows, new CompressionStream('deflate'))));
  chunks.push(chunk('IEND', new Uint8Array(0)));
  return joined([Uint8Array.from(SIGNATURE), ...chunks]);
}

/**
 * @param {Uint8Array} file an 8-bit greyscale or palette PNG, not interlaced
 * @returns {Promise<{ids: Uint8Array, width: number, height: number}>}
 * @throws {Error} if it is another kind of file, or cut off
 */
export async function decodePng(file) {
  if (!SIGNATURE.every((byte, i) => file[i] === byte)) throw new Error('This mask is not a PNG file.');
  const chunks = readChunks(file);
  const header = chunks.find(({ type }) => type === 'IHDR')?.data;
  if (header?.length !== 13) throw new Error('This PNG mask has no header; it is damaged.');
  const [depth, colourType, , , interlace] = header.subarray(8);
  if (depth !== 8 || ![GREY, PALETTE].includes(colourType) || interlace !== 0) {
    throw new Error(
      `A mask must be an 8-bit greyscale or palette PNG, not interlaced; this one has ${depth} bits, ` +
        `colour type ${colourType}, interlace ${interlace}.`,
    );
  }
  const size = new DataView(header.buffer, header.byteOffset);
  const [width, height] = [size.getUint32(0), size.getUint32(4)];
  const data = joined(chunks.filter(({ type }) => type === 'IDAT').map((each) => each.data));
  const rows = await pass(data, new DecompressionStream('deflate'));
  if (rows.length !== (width + 1) * height) throw new Error('This PNG mask is cut off.');
  return { ids: unfiltered(rows, width, height), width, height };
}

async function pass(bytes, stream) {
  const result = new Response(new Blob([bytes]).stream().pipeThrough(stream));
  return new Uint8Array(await result.arrayBuffer());
}

function paletteBytes(colours) {
  return Uint8Array.from(
    colours.flatMap((colour) => [1, 3, 5].map((k) => Number.parseInt(colour.slice(k, k + 2), 16))),
  );
}

function chunk(type, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function readChunks(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const chunks = [];
  for (let at = SIGNATURE.length; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    chunks.push({ type, data: file.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

/** Undoes the five row filters of PNG for one byte per pixel. */
function unfiltered(rows, width, height) {
  const ids = new Uint8Array(width * height);
  const predictors = [
    () => 0,
    (left) => left,
    (left, up) => up,
    (left, up) => (left + up) >> 1,
    paeth,
  ];
  for (let y = 0; y < height; y++) {
    const predict = predictors[rows[y * (width + 1)]];
    if (!predict) throw new Error('This PNG mask has a row of an unknown kind; it is damaged.');
    for (let x = 0, i = y * width; x < width; x++, i++) {
      const left = x ? ids[i - 1] : 0;
      const up = y ? ids[i - width] : 0;
      const corner = x && y ? ids[i - width - 1] : 0;
      ids[i] = rows[y * (width + 1) + 1 + x] + predict(left, up, corner);
    }
  }
  return ids;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let k = 0; k < 8; k++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
