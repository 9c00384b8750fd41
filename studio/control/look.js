/** How the face is looked at: this person's choice, not the face's. Kept in this browser. */

const KEY = 'faceloom.control.look';
export const MODES = ['over', 'beside', 'off'];

export class Look {
  mode = 'over'; // of the mask
  opacity = 0.4;
  chosenClass = null; // the only one that is shown, while the legend is pointed at
  #last = 'over'; // mode before the mask was turned off
  #listeners = [];

  constructor() {
    try {
      const { mode, opacity } = JSON.parse(localStorage.getItem(KEY)) ?? {};
      if (MODES.includes(mode)) this.mode = mode;
      if (opacity >= 0.05 && opacity <= 1) this.opacity = opacity;
    } catch {
      // As it is at first.
    }
  }

  listen(listener) {
    this.#listeners.push(listener);
  }

  set(change) {
    if (change.mode && this.mode !== 'off') this.#last = this.mode;
    Object.assign(this, change);
    try {
      localStorage.setItem(KEY, JSON.stringify({ mode: this.mode, opacity: this.opacity }));
    } catch {
      // It lasts until the page is closed.
    }
    for (const listener of this.#listeners) listener();
  }

  toggleMask() {
    this.set({ mode: this.mode === 'off' ? this.#last : 'off' });
  }
}
