/** What the painter has to say: short notes that go away, and questions that wait for an answer. */

import { make } from './dom.js';

const NOTE_MS = 5000;

export class Notices {
  #timer = null;

  constructor() {
    this.note = make('div', { class: 'fl-note', role: 'status', 'aria-live': 'polite', hidden: true });
    this.banner = make('div', { class: 'fl-banner', role: 'alertdialog', 'aria-live': 'assertive', hidden: true });
    this.element = make('div', { class: 'fl-notices' }, this.banner, this.note);
  }

  /** Says something for some seconds. */
  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.note.hidden = true), NOTE_MS);
  }

  /**
   * Shows a message until one of the buttons is pressed.
   * @param {string} text
   * @param {string[]} answers labels of the buttons; the first is the one to expect
   * @returns {Promise<string>} the label pressed; never, if another message takes its place
   */
  ask(text, answers) {
    return new Promise((resolve) => {
      const buttons = answers.map((label, k) =>
        make('button', { type: 'button', class: k ? '' : 'fl-primary', onclick: () => (this.clear(), resolve(label)) }, label),
      );
      this.banner.setAttribute('aria-label', text);
      this.banner.replaceChildren(make('span', {}, text), make('div', { class: 'fl-group' }, ...buttons));
      this.banner.hidden = false;
      buttons[0]?.focus();
    });
  }

  clear() {
    this.banner.hidden = true;
    this.banner.replaceChildren();
  }
}
