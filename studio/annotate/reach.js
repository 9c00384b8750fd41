/** Knows whether the studio answers, and asks again until it does. */

const PAUSE = 2000; // ms between two questions while it is away

export class Reach {
  isAway = false;

  /** @param {import('./api.js').Api} api @param {{onAway: () => void, onBack: () => void}} on */
  constructor(api, on) {
    Object.assign(this, { api, ...on });
    window.addEventListener('offline', () => this.lost());
  }

  /** A request had no answer. */
  async lost() {
    if (this.isAway) return;
    this.isAway = true;
    this.onAway();
    while (this.isAway) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      await this.#ask();
    }
    this.onBack();
  }

  async #ask() {
    try {
      await this.api.me();
      this.isAway = false;
    } catch (error) {
      this.isAway = error.status === 0 || error.status >= 502;
    }
  }
}
