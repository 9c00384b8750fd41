/** What the server predicts, as it sends it: see studio/routes/live.py. */

import { decodePng } from '../../painter/png.js';

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<{facts: object, labels: object | null, uncertainty: object | null}>} the pictures as
 *   decodePng answers them
 */
export async function readAnswer(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const at = 4 + length;
  const expected = at + facts.labels + facts.uncertainty;
  if (bytes.length !== expected) throw new Error(`A prediction of ${expected} bytes came as ${bytes.length}. Paint on, it is asked for again.`);
  const decode = (from, size) => (size ? decodePng(bytes.slice(from, from + size)) : null);
  const [labels, uncertainty] = await Promise.all([decode(at, facts.labels), decode(at + facts.labels, facts.uncertainty)]);
  return { facts, labels, uncertainty };
}
