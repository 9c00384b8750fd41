/** The masks of one face, fetched and decoded once, kept while they are looked at. */

import { decodePng } from '../../painter/png.js';
import { asMask } from './compare.js';

const MOST_KEPT = 24; // of 1 MiB each at 1024 px

export class Masks {
  #kept = new Map(); // sha256 -> promise of a mask, the latest used last

  /** @param {import('../api.js').Api} api @param {{width: number, height: number}} face */
  constructor(api, face) {
    Object.assign(this, { api, face });
  }

  /**
   * @param {{id: number, sha256: string, mask: string}} revision
   * @returns {Promise<import('./compare.js').Mask>} the same one for the same pixels
   * @throws {Error} if it cannot be had, or does not fit the face
   */
  get(revision) {
    const { sha256 } = revision;
    const mask = this.#kept.get(sha256) ?? this.#load(revision);
    this.#kept.delete(sha256);
    this.#kept.set(sha256, mask);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return mask;
  }

  #load(revision) {
    const mask = this.#decode(revision);
    mask.catch((error) => error.isRefusal || this.#kept.delete(revision.sha256)); // to be asked for again
    return mask;
  }

  async #decode({ id, mask: path }) {
    const decoded = await decodePng(await this.api.bytes(path));
    const { width, height } = this.face;
    if (decoded.width !== width || decoded.height !== height) {
      throw new Error(
        `The mask of revision ${id} is ${decoded.width} x ${decoded.height} pixels, its face ` +
          `${width} x ${height}. Choose another revision.`,
      );
    }
    return asMask(decoded);
  }
}
