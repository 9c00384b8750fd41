/** Review, statistics, import and export: fetched when they are first used, so that opening stays quick. */

export class Reviewing {
  #review = null;
  #shownId = null; // face that the review shows
  #showing = Promise.resolve();
  #dialogs = {};

  /**
   * @param {object} parts
   * @param {import('./api.js').Api} parts.api
   * @param {import('./work.js').Work} parts.work
   * @param {import('./strips.js').Strips} parts.strips
   * @param {HTMLElement} parts.host of review and dialogs
   */
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Shows the open face, or none. */
  show() {
    this.#showing = this.#showFace();
    return this.#showing;
  }

  async #showFace() {
    const { createReview } = await import('./review/review.js');
    this.#review ??= createReview({
      api: this.api,
      onDecided: (face) => this.#goOn(face),
      onRestored: (face) => this.#changed(face),
      onTrouble: () => {}, // the review itself says it in red
    });
    if (!this.#review.element.isConnected) this.host.append(this.#review.element);
    if (this.work.face?.id !== this.#shownId) this.#review.clear(); // a verdict now would be on the face before
    this.#shownId = this.work.face?.id ?? null;
    if (!this.work.face) return;
    const face = await this.work.lookUp(this.work.face.id);
    if (this.work.mode === 'review' && this.work.face?.id === face.id) this.#review.show(face, this.work.project.scheme);
  }

  /** Takes the review off the screen. */
  hide() {
    this.#review?.clear();
    this.#review?.element.remove();
    this.#shownId = null;
  }

  keys(event) {
    return this.#review?.keys(event) ?? false;
  }

  /** Done when the next face is on screen: until then a key would mean the one before. */
  async #goOn(face) {
    this.#changed(face);
    await this.work.stepOn();
    await this.#showing;
  }

  #changed(face) {
    this.work.changed(face.id, face.status, face.current);
    this.work.attempt(() => this.work.recount());
  }

  async showStatistics() {
    const { createStatistics } = await import('./statistics/statistics.js');
    this.#dialog('statistics', () => createStatistics({ api: this.api }));
  }

  async showExchange() {
    const { createExchange } = await import('./exchange/exchange.js');
    this.#dialog('exchange', () => createExchange({ api: this.api, onImported: () => this.work.attempt(() => this.work.refresh()) }));
  }

  #dialog(name, create) {
    this.#dialogs[name] ??= create();
    const { element } = this.#dialogs[name];
    if (!element.isConnected) this.host.append(element);
    this.#dialogs[name].show(this.work.project);
  }
}
