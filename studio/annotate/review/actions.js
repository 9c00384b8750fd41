/** Accept, reject with a reason, restore: the buttons, the reason's box and what came of it. */

import { make } from '../../painter/panels/dom.js';
import { ACTION_KEYS } from './keys.js';
import { restoreHindrance, usualReasons, verdictHindrances } from './verdict.js';

const MAX_REASON = 2000; // characters

export class Actions {
  #hindrances = { accept: '', reject: '', restore: '' };
  #isBusy = false;

  /** @param {{decide: (isAccepted: boolean, comment: string) => void, restore: () => void}} acts */
  constructor(acts) {
    this.acts = acts;
    this.buttons = { accept: this.#button('accept', 'a', 'Accept'), reject: this.#button('reject', 'r', 'Reject…'), restore: this.#button('restore', 'b', 'Restore') };
    this.said = make('p', { class: 'fl-review-said', role: 'status', 'aria-live': 'polite' });
    this.box = this.#createBox();
    const row = make('div', { class: 'fl-review-actions' }, this.buttons.accept, this.buttons.reject, this.said, this.buttons.restore);
    this.element = make('div', { class: 'fl-review-foot' }, this.box, row);
  }

  /** @param {{isLoading: boolean, current: object | null, chosen: object | null, isSeen: boolean, problem: string, scheme: object | null}} state */
  show(state) {
    const { current, chosen, problem, scheme } = state;
    this.#hindrances = { ...verdictHindrances(state), restore: restoreHindrance(chosen, current, problem) };
    this.buttons.accept.firstChild.textContent = current ? `Accept #${current.id}` : 'Accept';
    this.buttons.reject.firstChild.textContent = current ? `Reject #${current.id}…` : 'Reject…';
    const isOther = chosen && chosen.id !== current?.id;
    this.buttons.restore.firstChild.textContent = isOther ? `Restore #${chosen.id}` : 'Restore';
    this.chips.replaceChildren(...(scheme ? usualReasons(scheme).map((reason) => this.#chip(reason)) : []));
    if (this.#hindrances.reject) this.closeBox();
    this.#update();
  }

  /** Says what came of it; '' takes it back. @param {boolean} isBad */
  say(text, isBad = false) {
    this.said.textContent = text;
    this.said.classList.toggle('fl-bad', isBad);
  }

  /** While the server is asked nothing else can be. */
  set isBusy(isBusy) {
    this.#isBusy = isBusy;
    this.#update();
  }

  /** @param {'accept' | 'reject' | 'restore'} name; what cannot be done says why */
  run(name) {
    if (this.#isBusy) return;
    if (this.#hindrances[name]) return this.say(this.#hindrances[name]);
    if (name === 'accept') this.acts.decide(true, '');
    else if (name === 'reject') this.#openBox();
    else this.acts.restore();
  }

  closeBox() {
    const hadFocus = this.box.contains(document.activeElement);
    this.box.hidden = true;
    if (hadFocus) this.buttons.reject.focus();
  }

  /** Closes the box and forgets what was written. */
  reset() {
    this.closeBox();
    this.reason.value = '';
    this.say('');
  }

  #update() {
    for (const [name, button] of Object.entries(this.buttons)) {
      const hindrance = this.#hindrances[name];
      button.setAttribute('aria-disabled', Boolean(hindrance) || this.#isBusy);
      button.title = hindrance || button.dataset.title;
    }
    this.send.disabled = this.#isBusy || !this.reason.value.trim();
  }

  #button(name, key, text) {
    const title = `${ACTION_KEYS[key]} (${key.toUpperCase()})`;
    const cap = make('kbd', { 'aria-hidden': 'true' }, key.toUpperCase());
    return make('button', { type: 'button', 'data-act': name, 'data-title': title, 'aria-keyshortcuts': key, onclick: () => this.run(name) }, make('span', {}, text), cap);
  }

  #createBox() {
    this.reason = make('input', { type: 'text', maxlength: MAX_REASON, placeholder: 'What is wrong? The painter reads it.', 'aria-label': 'Reason for rejecting', oninput: () => this.#update() });
    this.send = make('button', { type: 'submit', class: 'fl-review-bad' }, 'Reject');
    this.chips = make('div', { class: 'fl-review-chips', role: 'group', 'aria-label': 'Usual reasons' });
    const cancel = make('button', { type: 'button', onclick: () => this.closeBox() }, 'Cancel');
    const row = make('div', { class: 'fl-review-reason' }, this.reason, this.send, cancel);
    const box = make('form', { class: 'fl-review-box', hidden: true }, row, this.chips);
    box.addEventListener('submit', (event) => {
      event.preventDefault();
      const reason = this.reason.value.trim();
      if (reason && !this.#isBusy) this.acts.decide(false, reason);
    });
    box.addEventListener('keydown', (event) => {
      event.stopPropagation(); // letters are text here
      if (event.key === 'Escape') this.closeBox();
    });
    return box;
  }

  #openBox() {
    this.say('');
    this.box.hidden = false;
    this.reason.focus();
    this.#update();
  }

  /** Adds a usual reason to what is written, once. */
  #chip(reason) {
    const add = () => {
      const parts = this.reason.value.split(', ').filter(Boolean);
      if (!parts.includes(reason)) this.reason.value = [...parts, reason].join(', ');
      this.reason.focus();
      this.#update();
    };
    return make('button', { type: 'button', onclick: add }, reason);
  }
}
