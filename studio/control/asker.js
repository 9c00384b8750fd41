/**
 * Asks for pictures so that the latest wish wins: one request at a time, of those that wait only the
 * newest counts, and whatever is overtaken is broken off here and on the server.
 */

import { ApiError } from '../annotate/api.js';

const MEMORY = 0.7; // of the mean time, what the last preview leaves of it

export class Asker {
  #running = null; // {kind, controller}
  #next = null; // {kind, recipe}
  #sequence = 0;
  #took = null; // ms, mean of late
  #place = 0; // of the size in `sizes`
  sizes = [256]; // of previews, px; largest first
  limits = [0, Infinity]; // ms for a preview: below, larger ones are asked for again; above, smaller ones
  isStopped = false; // by the person, before the whole face was there

  /**
   * @param {import('./api.js').ControlApi} api
   * @param {{onFrame: (frame: object, asked: {kind: string, recipe: object}) => void,
   *   onEnd: (asked: object) => void, onTrouble: (error: Error, asked: object) => void}} on
   */
  constructor(api, on) {
    Object.assign(this, { api, ...on });
  }

  get isBusy() {
    return this.#running !== null;
  }

  /** While something is dragged: a small picture, if there is time for it. */
  preview(recipe) {
    this.#want('preview', recipe);
  }

  /** The whole face. */
  face(recipe) {
    this.#want('face', recipe);
  }

  /** What the face was before: only while nothing else is wanted. */
  before(recipe) {
    if (!this.#running) this.#want('before', recipe);
  }

  /** The person gives up. */
  stop() {
    if (!this.#running) return;
    this.#next = null;
    this.isStopped = true;
    this.#running.controller.abort();
    this.api.stop(this.#sequence).catch(() => {}); // then it ends by itself
  }

  #want(kind, recipe) {
    this.#next = { kind, recipe };
    this.isStopped = false;
    if (!this.#running) this.#work();
    else if (kind === 'face' || this.#running.kind !== 'preview') this.#running.controller.abort();
  }

  async #work() {
    while (this.#next) {
      const asked = { ...this.#next, sequence: ++this.#sequence };
      this.#next = null;
      this.#running = { kind: asked.kind, controller: new AbortController() };
      const { signal } = this.#running.controller;
      try {
        await this.#ask(asked, signal);
      } catch (error) {
        if (!signal.aborted) this.onTrouble(asked.kind === 'before' && error.status !== 0 ? null : error, asked);
      }
      this.#running = null;
      if (!this.#next) this.onEnd(asked);
    }
  }

  async #ask(asked, signal) {
    const { kind, recipe, sequence } = asked;
    const show = async (frame) => {
      if (signal.aborted) return;
      if (frame.facts.sequence !== sequence) throw new Error('The studio answered another question.');
      await this.onFrame(frame, asked);
    };
    if (kind === 'preview') {
      const began = performance.now();
      const frame = await this.api.preview(recipe, sequence, this.sizes[this.#place], signal);
      if (frame) await show(frame);
      if (frame && !signal.aborted) this.#timed(performance.now() - began);
      return;
    }
    let isWhole = false;
    try {
      for await (const frame of this.api.face(recipe, sequence, signal, { isBefore: kind === 'before' })) {
        if (frame.facts.kind === 'error') throw new ApiError(frame.facts.error, frame.facts.status, frame.facts.code);
        isWhole ||= ['told', 'stopped'].includes(frame.facts.kind);
        await show(frame);
      }
    } catch (error) {
      if (error instanceof TypeError) throw new ApiError('The studio cannot be reached.', 0, 'offline'); // amid an answer
      throw error;
    }
    if (!isWhole && !signal.aborted) throw new ApiError('The studio cannot be reached.', 0, 'offline');
  }

  /** Better a coarser picture than one that lags. */
  #timed(ms) {
    this.#took = this.#took === null ? ms : MEMORY * this.#took + (1 - MEMORY) * ms;
    const [quick, slow] = this.limits;
    const step = this.#took > slow ? 1 : this.#took < quick ? -1 : 0;
    const place = Math.min(Math.max(this.#place + step, 0), this.sizes.length - 1);
    if (place !== this.#place) this.#took = null;
    this.#place = place;
  }
}
