/** Who is painting: signed in, or a name that this browser remembers. */

import { make } from '../painter/panels/dom.js';
import { askName } from './dialogs.js';

const KEY = 'faceloom.person';
const YEAR = 31_536_000; // seconds

export class Person {
  /** @param {HTMLElement} host for the dialog @param {import('./api.js').Api} api */
  constructor(host, api) {
    Object.assign(this, { host, api });
    this.isSignedIn = false;
    this.element = make('div', { class: 'fl-an-person' });
  }

  /**
   * Knows the name when this is done; asks for it if need be.
   * @param {{name: string | null, is_signed_in: boolean}} me as the server answered
   * @returns {Promise<boolean>} whether it had to be asked for
   */
  async introduce({ name, is_signed_in: isSignedIn }) {
    this.isSignedIn = isSignedIn;
    const known = isSignedIn ? name : remembered();
    this.#be(known || (await askName(this.host, '', true)));
    return !known;
  }

  async change() {
    this.#be(await askName(this.host, this.api.person, false));
  }

  #be(name) {
    this.api.person = name;
    if (!this.isSignedIn) remember(name);
    this.element.replaceChildren(...this.#content(name));
  }

  #content(name) {
    if (!this.isSignedIn) return [make('button', { type: 'button', title: 'Change your name', onclick: () => this.change() }, name)];
    return [make('span', { title: 'Signed in' }, name), make('a', { href: this.api.url('sign-out') }, 'Sign out')];
  }
}

function remembered() {
  try {
    return localStorage.getItem(KEY)?.trim() ?? '';
  } catch {
    return '';
  }
}

/** In a cookie, too: Gradio's own events carry no headers of ours. */
function remember(name) {
  document.cookie = `faceloom-person=${encodeURIComponent(name)}; path=/; max-age=${YEAR}; samesite=strict`;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Asked again on the next visit.
  }
}
