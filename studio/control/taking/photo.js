/** The photo that parts are taken from: the photo itself beside its face, its name, how far it has come. */

import { make } from '../../painter/panels/dom.js';
import { nameOf } from '../photo/names.js';
import { doingOf, sharpenOf, stateOf, WHAT_SHARPEN, WHAT_STOP } from '../photo/state.js';
import { PhotoWatch } from '../photo/watch.js';

export class TakenPhoto {
  #id = '';
  #generator = '';
  #photo = null; // as the server describes it
  #watch = new PhotoWatch({ load: (isShown) => this.#load(isShown), onPhoto: (photo) => this.#see(photo), onTrouble: (text) => (this.state.textContent = text) });

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
    if (id) this.#watch.look();
  }

  /** As the server has just described it. */
  take(photo, generator) {
    this.#begin(photo.id, generator);
    this.#see(photo);
  }

  #begin(id, generator) {
    this.#watch.begin(`${generator} ${id}`);
    this.#id = id;
    this.#generator = generator;
    this.#photo = null;
    this.name.textContent = this.name.title = nameOf(id) || 'A photo';
    this.state.textContent = '';
    this.picture.hidden = this.button.hidden = true;
  }

  /** One that was framed for another generator gets first latents of this one. */
  async #load(isShown) {
    const [id, generator] = [this.#id, this.#generator];
    const photo = await this.api.photo(id);
    if (!photo.frame || photo.latents[generator] || !isShown()) return photo;
    const found = await this.api.usePhoto(id, photo.frame, generator);
    if (isShown()) this.onBetter();
    return found;
  }

  #sharpenOrStop() {
    const isAlive = this.#photo.job?.is_alive;
    return this.#watch.ask(() => (isAlive ? this.api.stopPhoto(this.#id) : this.api.sharpenPhoto(this.#id, this.#generator)));
  }

  #see(photo) {
    const { version } = this;
    const [wasAlive, isAlive] = [this.#photo, photo].map((each) => Boolean(each?.job?.is_alive));
    this.#photo = photo;
    this.#draw(photo, isAlive);
    if (isAlive) this.#watch.later();
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
