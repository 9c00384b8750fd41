/** Time spent on a face: pauses longer than a minute are not work. */

const LONGEST_PAUSE = 60; // seconds

export class Activity {
  #last = null;
  #seconds = 0;

  /** The person did something. @param {number} now in milliseconds */
  touch(now = performance.now()) {
    if (this.#last !== null) this.#seconds += Math.min(LONGEST_PAUSE, (now - this.#last) / 1000);
    this.#last = now;
  }

  /** Seconds since the last call, for one save. */
  take() {
    const seconds = Math.round(this.#seconds * 10) / 10;
    this.#seconds = 0;
    return seconds;
  }
}
