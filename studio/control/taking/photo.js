/** The photo that parts are taken from: the photo itself beside its face, its name, how far it has come. */

import { make } from '../../painter/panels/dom.js';
import { nameOf } from '../photo/names.js';
import { doingOf, sharpenOf, stateOf, WHAT_SHARPEN, WHAT_STOP } from '../photo/state.js';

const LOOK = 1000; // ms between two looks at work that goes on

export class TakenPhoto {
  #id = '';
  #generator = '';
  #photo = null; // as the server describes it
  #timer = null;

  /**
   * @param {object} parts
   * @param {import('../api.js').ControlApi} parts.api
   * @param {() => void} parts.onChange its face is another one, to be shown small
   * @param {() => void} parts.onBetter its latents changed by themselves, and will not again
   */
  constructor({ api, onChange, onBetter }) {
    Object.assign(this, { api, onChange, onBetter });
    this.picture = make('img', { alt: 'The photo that parts are taken from', width: 56, height: 56, draggable: 'false', hidden: true });
    this.name = make('strong', {});
    this.state = make('small', {});
    this.button = make('button', { type: 'button', hidden: true, onclick: () => this.#sharpenOrStop() });
    this.told = make('div', { class: 'fl-co-taking-photo', hidden: true }, this.name, make('div', {}, this.state, this.button));
  }

  /** Changes where its face does; '' while that is not known. */
  get version() {
    return this.#photo ? JSON.stringify([this.#photo.frame, this.#photo.latents[this.#generator]]) : '';
  }

  /** @param {string} id '' where parts are not taken from a photo */
  show(id, generator) {
    this.told.hidden = !id;
    if (id === this.#id && generator === this.#generator) return;
    this.#begin(id, generator);
    if (id) this.#look();
  }

  /** As the server has just described it. */
  take(photo, generator) {
    this.#begin(photo.id, generator);
    this.#see(photo);
  }

  #begin(id, generator) {
    clearTimeout(this.#timer);
    this.#id = id;
    this.#generator = generator;
    this.#photo = null;
    this.name.textContent = this.name.title = nameOf(id) || 'A photo';
    this.state.textContent = '';
    this.picture.hidden = this.button.hidden = true;
  }

  /** Of one that is shown by now, another one may be when there is an answer. @param {() => Promise<object>} act gives the photo */
  async #ask(act) {
    const [id, generator] = [this.#id, this.#generator];
    const isShown = () => id === this.#id && generator === this.#generator;
    try {
      const photo = await act(id, generator, isShown);
      if (isShown()) this.#see(photo);
    } catch (error) {
      if (!isShown()) return;
      this.state.textContent = error.status === 0 ? 'The studio cannot be reached.' : error.message;
      if (error.status === 0) this.#later(); // it may come back
    }
  }

  /** One that was framed for another generator gets first latents of this one. */
  #look() {
    return this.#ask(async (id, generator, isShown) => {
      const photo = await this.api.photo(id);
      if (!photo.frame || photo.latents[generator] || !isShown()) return photo;
      const found = await this.api.usePhoto(id, photo.frame, generator);
      if (isShown()) this.onBetter();
      return found;
    });
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), LOOK);
  }

  #sharpenOrStop() {
    const isAlive = this.#photo.job?.is_alive;
    return this.#ask((id, generator) => (isAlive ? this.api.stopPhoto(id) : this.api.sharpenPhoto(id, generator)));
  }

  #see(photo) {
    const { version } = this;
    const [wasAlive, isAlive] = [this.#photo, photo].map((each) => Boolean(each?.job?.is_alive));
    this.#photo = photo;
    this.#draw(photo, isAlive);
    if (isAlive) this.#later();
    if (version !== this.version) this.onChange();
    if (!wasAlive || isAlive) return;
    if (photo.job.state === 'failed') this.state.textContent = photo.job.error;
    this.onBetter();
  }

  #draw(photo, isAlive) {
    this.state.textContent = isAlive ? doingOf(photo) : stateOf(photo, this.#generator);
    this.picture.hidden = !photo.frame;
    const url = this.api.photoUrl(photo.id, 'thumbnail.jpg', JSON.stringify(photo.frame));
    if (photo.frame && this.picture.getAttribute('src') !== url) this.picture.src = url;
    this.button.hidden = !photo.latents[this.#generator];
    this.button.disabled = photo.job?.state === 'stopping';
    this.button.textContent = isAlive ? 'Stop' : sharpenOf(photo, this.#generator);
    this.button.title = isAlive ? WHAT_STOP : WHAT_SHARPEN;
    this.button.setAttribute('aria-label', `${this.button.textContent}: the photo that parts are taken from`);
  }
}
