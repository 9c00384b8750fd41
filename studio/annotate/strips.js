/** Lines over the picture that stay until they are settled, one per subject. Nothing waits for them. */

import { make } from '../painter/panels/dom.js';

export class Strips {
  #shown = new Map(); // subject -> element
  #timers = new Map();

  constructor() {
    this.element = make('div', { class: 'fl-an-strips' });
  }

  /**
   * @param {string} subject a later line on it takes the place of an earlier one
   * @param {string} text
   * @param {Record<string, () => void>} [answers] button -> what it does, besides taking the line away
   * @param {{tone?: 'plain' | 'warn' | 'bad', seconds?: number}} [how] seconds: it goes by itself
   */
  show(subject, text, answers = {}, { tone = 'plain', seconds = null } = {}) {
    const same = this.#shown.get(subject);
    if (same?.dataset.text === text) return;
    this.hide(subject);
    const buttons = Object.entries(answers).map(([label, act]) => make('button', { type: 'button', onclick: () => (this.hide(subject), act()) }, label));
    const strip = make('div', { class: 'fl-an-strip fl-an-box', role: 'status', 'data-subject': subject, 'data-tone': tone, 'data-text': text }, make('span', {}, text), ...buttons);
    this.#shown.set(subject, strip);
    this.element.append(strip);
    if (seconds) this.#timers.set(subject, setTimeout(() => this.hide(subject), seconds * 1000));
  }

  hide(subject) {
    clearTimeout(this.#timers.get(subject));
    this.#shown.get(subject)?.remove();
    this.#shown.delete(subject);
  }
}
