/** One opened face from load to close: map, saving, local draft. Outlives the screen until it is safe. */

import { Activity } from './activity.js';
import { Desk } from './desk.js';
import { LabelMap } from './labelmap.js';
import { Saver } from './saving.js';
import { NO_REGIONS, Superpixels } from './superpixels.js';

export class Session {
  #isDraftDue = false; // the map differs from the local draft
  #isKeeping = false;
  #foreignDraft = null; // key of a restored draft of another tab
  #activity = new Activity();

  /**
   * @param {string | number} faceId
   * @param {object} face what the bridge loaded, see painter.js
   * @param {object} parts
   * @param {object} parts.bridge
   * @param {import('./drafts.js').Drafts} parts.drafts
   * @param {import('./settings.js').Settings} parts.settings
   * @param {object} [parts.timing] see saving.js
   * @param {object} parts.on {change, commit, refused, regions, save(state), trouble(message)}
   * @throws {Error} if the mask has not one value per pixel
   */
  constructor(faceId, face, { bridge, drafts, settings, timing, on }) {
    checkMask(faceId, face);
    Object.assign(this, { faceId, bridge, drafts, on });
    this.map = new LabelMap(face.width, face.height, face.mask);
    this.desk = new Desk({
      map: this.map,
      superpixels: new Superpixels([], face.width, face.height),
      settings,
      onChange: on.change,
      onCommit: () => this.#committed(),
      onRefused: on.refused,
    });
    this.saver = new Saver({
      send: (request) => bridge.save({ ...request, faceId, isUrgent: document.hidden }),
      snapshot: () => ({ map: this.map.ids.slice(), seconds: this.#activity.take() }),
      baseRevision: face.revision ?? null,
      onState: (state) => on.save(state),
      onSafe: () => this.#forgetDraft(),
      timing,
    });
    this.#takeRegions(face.superpixels ?? []);
  }

  /** Regions may come later than the face; until then the smart brush says so. */
  async #takeRegions(levels) {
    try {
      if (levels instanceof Promise) {
        this.desk.regionsNote = 'Regions are being computed …';
        this.#setRegions(await levels);
        this.on.regions();
      } else {
        this.#setRegions(levels);
      }
    } catch (error) {
      this.desk.regionsNote = error.message;
      if (levels instanceof Promise) this.on.regions();
      else this.on.trouble(error.message);
    }
  }

  #setRegions(levels) {
    this.desk.superpixels = new Superpixels(levels, this.map.width, this.map.height);
    this.desk.regionsNote = levels.length ? '' : NO_REGIONS;
  }

  #committed() {
    this.#activity.touch();
    this.saver.edited();
    this.keepDraft();
    this.on.commit();
  }

  /** Writes the local draft at once; while one is being written, the latest map follows it. */
  async keepDraft() {
    this.#isDraftDue = true;
    if (this.#isKeeping) return;
    this.#isKeeping = true;
    try {
      while (this.#isDraftDue && !this.saver.isSafe) {
        this.#isDraftDue = false;
        const { ids, width, height } = this.map;
        const { baseRevision } = this.saver;
        await this.drafts.keep({ faceId: this.faceId, width, height, ids, baseRevision });
      }
    } catch (error) {
      this.on.trouble(`This browser cannot keep a local copy (${error.message}). Work is saved on the server only.`);
    } finally {
      this.#isKeeping = false;
    }
  }

  async #forgetDraft() {
    try {
      await this.drafts.forget(this.faceId);
      if (this.#foreignDraft) await this.drafts.forget(this.faceId, this.#foreignDraft);
    } catch {
      // A draft too many is offered again and does no harm.
    }
  }

  /** The newest local draft that differs from what the server has; null: there is none. */
  async findDraft() {
    let drafts = [];
    try {
      drafts = await this.drafts.of(this.faceId);
    } catch {
      return null; // this browser keeps no drafts; painting tells so
    }
    for (const draft of drafts) {
      const fits = draft.ids.length === this.map.ids.length;
      if (fits && draft.ids.some((id, i) => id !== this.map.ids[i])) return draft;
      if (fits) await this.drafts.forget(this.faceId, draft.key);
    }
    return null;
  }

  /** Takes a draft over. One undo leads back to the server's map. */
  restore(draft) {
    this.#foreignDraft = draft.key;
    this.saver.baseRevision = draft.baseRevision;
    this.desk.replace(draft.ids, { isForced: true });
  }

  /** Forgets a draft for good. */
  async discard(draft) {
    await this.drafts.forget(this.faceId, draft.key);
  }

  /**
   * Brings everything to safety. The saver goes on trying after this has returned.
   * @param {string | null} status see Saver.flush
   * @returns {Promise<boolean>} whether all is safe on the server
   */
  async secure(status = null) {
    this.keepDraft();
    return this.saver.flush(status);
  }
}

function checkMask(faceId, { width, height, mask }) {
  const isSize = [width, height].every((side) => Number.isInteger(side) && side > 0 && side <= 4096);
  if (!isSize) {
    throw new Error(`Face ${faceId} says it is ${width} x ${height} pixels; 1 to 4096 are possible. It was not opened.`);
  }
  if (!mask) return;
  if (!(mask instanceof Uint8Array) || mask.length !== width * height) {
    throw new Error(
      `The mask of face ${faceId} has ${mask.length} values; its image is ${width} x ${height} = ` +
        `${width * height} pixels. It was not opened and nothing was changed.`,
    );
  }
}
