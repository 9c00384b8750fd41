// Puts a painter on the page and hangs it on the fake server of tests/browser/fake_server.py.
import { createPainter } from '/painter/painter.js';

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

async function level(faceId, { level, width, height, bytes }) {
  const data = await (await get(`/faces/${faceId}/levels/${level}`)).arrayBuffer();
  return { level, width, height, ids: bytes === 2 ? new Uint16Array(data) : new Uint32Array(data) };
}

class Bridge {
  isDead = false; // its test is over: nothing of it may reach the next one
  underWay = Promise.resolve();

  async load(faceId) {
    const face = await (await get(`/faces/${faceId}`)).json();
    const mask = face.hasMask ? new Uint8Array(await (await get(`/faces/${faceId}/mask`)).arrayBuffer()) : null;
    const superpixels = await Promise.all(face.levels.map((each) => level(faceId, each)));
    return { ...face, imageUrl: `/faces/${faceId}/image.png`, mask, superpixels };
  }

  save(request) {
    if (this.isDead) return new Promise(() => {});
    const answer = this.#send(request);
    this.underWay = answer.catch(() => {});
    return answer;
  }

  async #send({ map, ...request }) {
    const response = await fetch('/saves', {
      method: 'POST',
      headers: { 'X-Request': JSON.stringify(request) },
      body: map,
    });
    if (response.status === 422) throw Object.assign(new Error(await response.text()), { isRefusal: true });
    if (!response.ok) throw new Error(`server says ${response.status}`);
    return response.json();
  }

  async revisions(faceId) {
    return (await get(`/faces/${faceId}/revisions`)).json();
  }

  async revisionMap(faceId, id) {
    return new Uint8Array(await (await get(`/faces/${faceId}/revisions/${id}`)).arrayBuffer());
  }
}

let bridge = null;

/** Ends the painter; nothing of it is sent any more when this is done. */
window.endPainter = async () => {
  if (!bridge) return;
  bridge.isDead = true;
  await bridge.underWay;
  await window.painter.close();
  bridge = null;
};

/** A new painter in place of the one before. */
window.start = async () => {
  await window.endPainter();
  bridge = new Bridge();
  const settings = await (await get('/setup')).json();
  window.painter = createPainter(document.getElementById('root'), { bridge, ...settings });
  await window.painter.open(settings.faceId);
};

window.isReady = true;
