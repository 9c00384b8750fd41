/** The painter's way to the server: faces, masks as PNG files, revisions, regions. */

import { decodePng, encodePng } from '../painter/png.js';
import { readRegions } from './regionfile.js';
import { STATUS_NAMES } from './work.js';

const REGIONS_PAUSE = 1000; // ms a face is open before its regions are asked for: computing them is much work
const KEPT = 4; // masks and pictures kept ready

/** The painter's name for a face. Another workspace at this address has the same ids, not these times. */
export function faceKey(face) {
  return `${face.id}@${face.created_at}`;
}

export function faceIdOf(key) {
  return Number.parseInt(key, 10);
}

export class Bridge {
  #sizes = new Map(); // face key -> {width, height}
  #ready = new Map(); // address of a mask or a picture -> promise, the oldest first

  /**
   * @param {import('./api.js').Api} api
   * @param {import('./work.js').Work} work
   * @param {() => boolean} needsRegions is the smart brush in hand?
   */
  constructor(api, work, needsRegions) {
    Object.assign(this, { api, work, needsRegions });
  }

  async load(key) {
    const face = await this.work.lookUp(faceIdOf(key));
    if (faceKey(face) !== key) throw new Error(`Face ${face.id} is another one by now. Reload the page.`);
    this.warm(face); // the picture is decoded while the mask is
    const mask = face.current ? await this.#mask(face.current) : null;
    this.#sizes.set(key, { width: face.width, height: face.height });
    return {
      imageUrl: this.api.url(face.picture),
      width: face.width,
      height: face.height,
      mask: mask?.ids ?? null,
      revision: face.current?.id ?? null,
      superpixels: this.#regions(face.id),
    };
  }

  async save({ faceId: key, map, baseRevision, key: request, status, seconds, isUrgent }) {
    const { width, height } = this.#sizes.get(key);
    const png = await encodePng(map, width, height);
    const options = { status, key: request, base: baseRevision, seconds, isUrgent };
    const saved = await this.api.saveMask(faceIdOf(key), png, options);
    this.work.changed(faceIdOf(key), saved.current.status, saved.current);
    return { revision: saved.revision.id, stale: saved.is_stale };
  }

  async revisions(key) {
    const revisions = await this.api.revisions(faceIdOf(key));
    return revisions.reverse().map((revision) => ({ id: revision.id, label: revisionLabel(revision) }));
  }

  async revisionMap(key, id) {
    const revisions = await this.api.revisions(faceIdOf(key));
    const revision = revisions.find((each) => each.id === Number(id));
    if (!revision) throw new Error(`Revision ${id} is not one of this face. Open the list again.`);
    return (await this.#mask(revision)).ids;
  }

  /** Gets the picture and the mask of a face ready, so that it opens at once. */
  warm(face) {
    this.#keep(this.api.url(face.picture), (url) => {
      const image = new Image();
      image.src = url;
      return image.decode().then(() => image);
    });
    if (face.current) this.#mask(face.current).catch(() => {});
  }

  /** Masks never change: the address names the content. */
  #mask(revision) {
    return this.#keep(revision.mask, async (path) => decodePng(await this.api.bytes(path)));
  }

  #keep(address, get) {
    const known = this.#ready.get(address) ?? get(address);
    this.#ready.delete(address);
    this.#ready.set(address, known);
    known.catch(() => this.#ready.delete(address)); // told where it is needed
    while (this.#ready.size > 2 * KEPT) this.#ready.delete(this.#ready.keys().next().value);
    return known;
  }

  async #regions(faceId) {
    const pause = this.needsRegions() ? 0 : REGIONS_PAUSE;
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (this.work.face?.id !== faceId) return [];
    return readRegions(await this.api.regions(faceId));
  }
}

/** 'Ann, done, 3 Aug 12:03' */
export function revisionLabel({ author, status, source, created_at: time, was_stale: wasStale }) {
  const made = source === 'painted' ? '' : `, ${source}`;
  const beside = wasStale ? ', kept beside' : '';
  return `${author}, ${STATUS_NAMES[status].toLowerCase()}${made}${beside}, ${when(time)}`;
}

/** A moment for the eye: '12:03' today, else '3 Aug 12:03'. @param {string} time ISO */
export function when(time) {
  const moment = new Date(time);
  const clock = moment.toTimeString().slice(0, 5);
  if (moment.toDateString() === new Date().toDateString()) return clock;
  return `${moment.toLocaleDateString('en', { day: 'numeric', month: 'short' })} ${clock}`;
}
