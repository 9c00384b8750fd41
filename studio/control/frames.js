/** What the server answers, as studio/routes/control_frames.py writes it. */

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {AsyncGenerator<{facts: object, picture: Uint8Array | null, labels: Uint8Array | null}>}
 */
export async function* readFrames(stream) {
  const reader = stream.getReader();
  let bytes = new Uint8Array(0);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes = joined(bytes, value);
      for (let frame = firstFrame(bytes); frame; frame = firstFrame(bytes)) {
        bytes = bytes.subarray(frame.length);
        yield frame;
      }
    }
    if (bytes.length) throw new Error('An answer of the studio was cut off.');
  } finally {
    reader.cancel().catch(() => {}); // whoever reads no more
  }
}

function firstFrame(bytes) {
  if (bytes.length < 4) return null;
  const at = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (bytes.length < at) return null;
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(4, at)));
  const middle = at + facts.picture;
  const length = middle + facts.labels;
  if (bytes.length < length) return null;
  return { facts, length, picture: facts.picture ? bytes.slice(at, middle) : null, labels: facts.labels ? bytes.slice(middle, length) : null };
}

function joined(a, b) {
  if (!a.length) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
