/** Asks for samples so that the latest recipe wins: whatever is overtaken is broken off here and there. */

const PAUSE = 600; // ms without another change until a sample is made

export class Sampler {
  #timer = null;
  #running = null; // AbortController
  #sequence = 0;
  #made = ''; // recipe of the last whole sample

  /** @param {import('./api.js').ExportApi} api @param {{onBegin, onFrame, onEnd, onTrouble}} on */
  constructor(api, on) {
    Object.assign(this, { api, ...on });
  }

  /** @param {object} recipe that is good @param {string} text which says whether it is another one */
  want(recipe, text) {
    clearTimeout(this.#timer);
    if (text === this.#made && !this.#running) return;
    this.#timer = setTimeout(() => this.#make(recipe, text), PAUSE);
  }

  /** Nobody looks, or there is no recipe. */
  stop() {
    clearTimeout(this.#timer);
    if (!this.#running) return;
    this.#running.abort();
    this.#running = null;
    this.api.stopSample(this.#sequence).catch(() => {}); // then it ends by itself
  }

  /** The same once more. */
  forget() {
    this.#made = '';
  }

  async #make(recipe, text) {
    if (text === this.text && this.#running) return; // it is being made
    this.#running?.abort();
    const controller = new AbortController();
    this.#running = controller;
    this.text = text;
    this.onBegin();
    try {
      for await (const frame of this.api.sample(recipe, ++this.#sequence, controller.signal)) {
        if (this.#running !== controller) return;
        if (frame.facts.kind === 'error') throw Object.assign(new Error(frame.facts.error), { status: frame.facts.status });
        if (frame.facts.kind === 'estimate') this.#made = text;
        this.onFrame(frame);
      }
    } catch (error) {
      if (!controller.signal.aborted) this.onTrouble(error);
    }
    if (this.#running !== controller) return;
    this.#running = null;
    this.onEnd();
  }
}
