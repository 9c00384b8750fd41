/** Says to the server which face is open here, and learns who else has it open. */

const HEARTBEAT = 15_000; // ms; the server forgets a tab after three missed ones

export class Presence {
  #faceId = null;
  #timer = null;

  /**
   * @param {import('./api.js').Api} api
   * @param {{onAnswer: (faceId: number, answer: object) => void, onTrouble: (error: Error) => void}} on
   */
  constructor(api, on) {
    Object.assign(this, { api, ...on });
    window.addEventListener('pagehide', () => this.#faceId !== null && api.leave());
    window.addEventListener('pageshow', ({ persisted }) => persisted && this.beat());
  }

  /** @param {number | null} faceId open from now on; null: none */
  hold(faceId) {
    if (faceId === this.#faceId) return;
    if (this.#faceId !== null) this.api.releaseLease(this.#faceId).catch(() => {}); // it expires anyway
    this.#faceId = faceId;
    this.beat();
  }

  /** Asks now, and every 15 seconds from now on. */
  async beat() {
    clearTimeout(this.#timer);
    const faceId = this.#faceId;
    if (faceId === null) return;
    this.#timer = setTimeout(() => this.beat(), HEARTBEAT);
    try {
      const answer = await this.api.holdLease(faceId);
      if (faceId === this.#faceId) this.onAnswer(faceId, answer);
      else await this.api.releaseLease(faceId); // it was left while the server answered
    } catch (error) {
      if (faceId === this.#faceId) this.onTrouble(error);
    }
  }
}
