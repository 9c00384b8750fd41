/** The photo that parts are taken from: the photo itself beside its face, its name, how far it has come. */

import { make } from '../../painter/panels/dom.js';
import { nameOf } from '../photo/names.js';
import { stateOf } from '../photo/state.js';

export class TakenPhoto {
  #wanted = ''; // id and generator
  #generator = '';
  #photo = null; // as the server describes it

  /**
   * @param {object} parts
   * @param {import('../api.js').ControlApi} parts.api
   * @param {() => void} parts.onChange there is more to show
   * @param {() => void} parts.onBetter its first latents of this generator came by themselves
   */
  constructor({ api, onChange, onBetter }) {
    Object.assign(this, { api, onChange, onBetter });
    this.picture = make('img', { alt: 'The photo that parts are taken from', width: 56, height: 56, draggable: 'false', hidden: true });
    this.name = make('strong', {});
    this.state = make('small', {});
    this.told = make('div', { class: 'fl-co-taking-photo', hidden: true }, this.name, this.state);
  }

  /** Changes where its face does. */
  get version() {
    return this.#photo ? JSON.stringify([this.#photo.frame, this.#photo.latents[this.#generator]]) : '';
  }

  /** @param {string} id '' where parts are not taken from a photo */
  show(id, generator) {
    this.told.hidden = !id;
    const wanted = id && `${id} ${generator}`;
    if (wanted === this.#wanted) return;
    this.#begin(wanted, generator);
    this.#draw(id);
    if (id) this.#load(id, wanted);
  }

  /** As the server has just described it. */
  take(photo, generator) {
    this.#begin(`${photo.id} ${generator}`, generator);
    this.#photo = photo;
    this.#draw(photo.id);
  }

  #begin(wanted, generator) {
    this.#wanted = wanted;
    this.#generator = generator;
    this.#photo = null;
  }

  /** One that was framed for another generator gets first latents of this one. */
  async #load(id, wanted) {
    const generator = this.#generator;
    try {
      let photo = await this.api.photo(id);
      const isNew = photo.frame && !photo.latents[generator];
      if (isNew && wanted === this.#wanted) photo = await this.api.usePhoto(id, photo.frame, generator);
      if (wanted !== this.#wanted) return;
      this.take(photo, generator);
      this.onChange();
      if (isNew) this.onBetter();
    } catch (error) {
      if (wanted === this.#wanted) this.state.textContent = error.status === 0 ? 'The studio cannot be reached.' : error.message;
    }
  }

  #draw(id) {
    const photo = this.#photo;
    this.name.textContent = this.name.title = nameOf(id) || 'A photo';
    this.state.textContent = photo ? stateOf(photo, this.#generator) : '';
    this.picture.hidden = !photo?.frame;
    if (photo?.frame) this.picture.src = this.api.photoUrl(id, 'thumbnail.jpg', JSON.stringify(photo.frame));
    else this.picture.removeAttribute('src');
  }
}
