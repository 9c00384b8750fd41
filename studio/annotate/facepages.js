/** The faces of one filter, fetched page by page as they come into sight. */

export const PAGE = 60;

export class FacePages {
  total = 0;
  #faces = new Map(); // place -> face
  #asked = new Set(); // numbers of pages asked for
  #gone = new Set(); // places of faces that have another status by now; they stay in the list

  /**
   * @param {(offset: number, limit: number) => Promise<{total: number, faces: object[]}>} fetch
   * @param {string[]} statuses of the filter; none: all
   * @param {() => void} onChange
   * @param {(error: Error) => void} onTrouble
   */
  constructor(fetch, statuses, onChange, onTrouble) {
    Object.assign(this, { fetch, statuses, onChange, onTrouble });
  }

  at(place) {
    return this.#faces.get(place) ?? null;
  }

  /** @returns {number | null} null: not fetched yet, or not in the filter */
  placeOf(faceId) {
    for (const [place, face] of this.#faces) if (face.id === faceId) return place;
    return null;
  }

  /** The place in this list of a place in the list as the server has it now. */
  placeHere(serverPlace) {
    let place = serverPlace;
    for (const gone of [...this.#gone].sort((a, b) => a - b)) if (gone <= place) place++;
    return place;
  }

  /** Fetches what is missing of the places from `first` up to `last`, both included. */
  async need(first, last) {
    const pages = [];
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) pages.push(page);
    await Promise.all(pages.map((page) => this.#fetchPage(page)));
  }

  async #fetchPage(page) {
    if (this.#asked.has(page)) return;
    this.#asked.add(page);
    const start = page * PAGE;
    const goneBefore = [...this.#gone].filter((place) => place < start).length;
    try {
      const { total, faces } = await this.fetch(start - goneBefore, PAGE);
      if (!this.#asked.has(page)) return; // forgotten meanwhile
      this.total = total + this.#gone.size;
      faces.forEach((face, k) => this.#faces.set(start + k, face));
      this.onChange();
    } catch (error) {
      this.#asked.delete(page);
      this.onTrouble(error);
    }
  }

  /** A face has another status by now. */
  mark(faceId, status) {
    const place = this.placeOf(faceId);
    if (place === null) return;
    this.#faces.set(place, { ...this.#faces.get(place), status });
    if (!this.statuses.length || this.statuses.includes(status)) this.#gone.delete(place);
    else this.#gone.add(place);
    this.onChange();
  }

  /** Is the list still what the server has, going by the number of faces? */
  fits(count) {
    return !this.#asked.size || count + this.#gone.size === this.total;
  }

  /** Forgets everything; what is in sight has to be asked for again. */
  forget() {
    this.#faces.clear();
    this.#asked.clear();
    this.#gone.clear();
  }
}
