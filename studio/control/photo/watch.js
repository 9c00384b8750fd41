/** One photo of the server's that is looked at again and again while it is worked on. */

const LOOK = 1000; // ms between two looks

export class PhotoWatch {
  #key = '';
  #timer = null;

  /**
   * @param {object} parts
   * @param {(isShown: () => boolean) => Promise<object>} parts.load gives the photo
   * @param {(photo: object) => void} parts.onPhoto
   * @param {(text: string) => void} parts.onTrouble why there is none
   */
  constructor({ load, onPhoto, onTrouble }) {
    Object.assign(this, { load, onPhoto, onTrouble });
  }

  /** From now on another one: answers about the one before are let be. @param {string} key */
  begin(key) {
    clearTimeout(this.#timer);
    this.#key = key;
  }

  look() {
    return this.ask(this.load);
  }

  later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.look(), LOOK);
  }

  /** @param {(isShown: () => boolean) => Promise<object>} act gives the photo as it is then */
  async ask(act) {
    const key = this.#key;
    const isShown = () => key === this.#key;
    let photo = null;
    try {
      photo = await act(isShown);
    } catch (error) {
      if (!isShown()) return;
      this.onTrouble(error.status === 0 ? 'The studio cannot be reached.' : error.message);
      if (error.status === 0) this.later(); // it may come back
      return;
    }
    if (isShown()) this.onPhoto(photo);
  }
}
