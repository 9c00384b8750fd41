/**
 * Brings one face's map to the server, whatever happens on the way. One save is under way at a time;
 * when it is answered the latest map follows. A save without an answer may have arrived: it is sent
 * again with the same key until it is answered, so the server can tell a repetition from a new save.
 *
 * @typedef {'clean' | 'waiting' | 'saving' | 'safe' | 'offline' | 'refused'} Phase
 * @typedef {{phase: Phase, at: number | null, status: 'draft' | 'done' | null, isStale: boolean,
 *   message: string}} SaveState at: when the map was last safe, milliseconds since 1970; status: as what
 */

import { uuid } from './identity.js';

export const TIMING = {
  pause: 1000, // ms without painting after which a draft is saved
  longest: 5000, // ms of painting without a pause after which it is saved all the same
  retryFirst: 1000, // ms until the first repetition
  retryLongest: 30000,
};

export class Saver {
  #version = 0; // of the map, counted up by every change
  #safeVersion = 0;
  #request = null; // sent and not answered yet
  #isRunning = false;
  #wantedStatus = null; // asked for by the person, not sent yet
  #timer = null;
  #dirtySince = null;
  #failures = 0;

  /**
   * @param {object} parts
   * @param {(request: object) => Promise<{revision: string | number, stale?: boolean}>} parts.send
   * @param {() => {map: Uint8Array, seconds: number}} parts.snapshot a copy of the map as it is now
   * @param {string | number | null} parts.baseRevision the revision that was opened
   * @param {(state: SaveState) => void} parts.onState
   * @param {(request: object) => void} [parts.onSafe] the server has all that was painted
   * @param {object} [parts.timing] see TIMING
   */
  constructor({ send, snapshot, baseRevision, onState, onSafe = () => {}, timing = {} }) {
    Object.assign(this, { send, snapshot, baseRevision, onState, onSafe });
    this.timing = { ...TIMING, ...timing };
    this.state = { phase: 'clean', at: null, status: null, isStale: false, message: '' };
  }

  /** Is there anything that the server does not have for sure? */
  get isSafe() {
    return this.#version === this.#safeVersion && !this.#request && !this.#wantedStatus;
  }

  /** The map changed. */
  edited() {
    this.#version++;
    this.#dirtySince ??= Date.now();
    if (this.#isRunning || this.state.phase === 'offline') return;
    this.#tell({ phase: 'waiting' });
    const limit = this.#dirtySince + this.timing.longest - Date.now();
    this.#wait(Math.max(0, Math.min(this.timing.pause, limit)));
  }

  /**
   * Saves now what is not safe yet.
   * @param {string | null} status 'draft' or 'done'; null: a draft, and only if something changed
   * @returns {Promise<boolean>} whether everything is safe now
   */
  async flush(status = null) {
    this.#wantedStatus = status ?? this.#wantedStatus;
    clearTimeout(this.#timer);
    while (this.#isRunning) await this.#running;
    this.#running = this.#run();
    await this.#running;
    return this.isSafe;
  }

  #running = null;

  async #run() {
    this.#isRunning = true;
    try {
      while (!this.isSafe) {
        this.#request ??= this.#newRequest();
        this.#tell({ phase: this.#failures ? 'offline' : 'saving' });
        this.#accept(this.#request, await this.send(this.#request));
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isRunning = false;
    }
  }

  #newRequest() {
    const status = this.#wantedStatus ?? 'draft';
    this.#wantedStatus = null;
    this.#dirtySince = null;
    return {
      ...this.snapshot(),
      version: this.#version,
      baseRevision: this.baseRevision,
      key: uuid(),
      status,
    };
  }

  #accept(request, { revision, stale = false }) {
    this.#request = null;
    this.#failures = 0;
    this.baseRevision = revision;
    this.#safeVersion = request.version;
    const isStale = this.state.isStale || stale;
    if (!this.isSafe) return this.#tell({ phase: 'saving', isStale });
    this.#tell({ phase: 'safe', at: Date.now(), status: request.status, isStale, message: '' });
    this.onSafe(request);
  }

  /** No answer: try again, later each time. A refusal is an answer: the same map will not be taken. */
  #fail(error) {
    if (error?.isRefusal) {
      this.#request = null;
      this.#failures = 0;
      return this.#tell({ phase: 'refused', message: error.message });
    }
    this.#failures++;
    const delay = this.timing.retryFirst * 2 ** Math.min(20, this.#failures - 1);
    this.#tell({ phase: 'offline', message: String(error?.message ?? error) });
    this.#wait(Math.min(delay, this.timing.retryLongest));
  }

  #wait(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), delay);
  }

  #tell(change) {
    this.state = { ...this.state, ...change };
    this.onState(this.state);
  }
}
