/** The panel's lines on a photo: which one it is, how far it has come, and what can be done with it. */

import { make } from '../../painter/panels/dom.js';
import { plainRecipe } from '../recipe.js';
import { openPhotos } from './dialog.js';
import { stateOf } from './state.js';

export class PhotoPart {
  #options = null;
  #photo = null; // as the server describes it
  #wanted = ''; // id of the one in sight

  /**
   * @param {object} parts
   * @param {import('../api.js').ControlApi} parts.api
   * @param {import('../store.js').Store} parts.store
   * @param {import('../../annotate/strips.js').Strips} parts.strips
   * @param {HTMLElement} parts.host
   * @param {{setPhoto: (url: string) => void}} parts.compare
   * @param {(isDone: boolean) => void} parts.onBetter its latents changed
   */
  constructor({ api, store, strips, host, compare, onBetter }) {
    Object.assign(this, { api, store, strips, host, compare, onBetter });
    this.offer = make('button', { type: 'button', class: 'fl-co-photo-offer', title: 'Upload a photo, or open one of this workspace (P)', 'aria-keyshortcuts': 'p', onclick: () => this.open() }, 'Use a photo …');
    this.picture = make('img', { alt: 'The photo in its frame', width: 56, height: 56, draggable: 'false' });
    this.state = make('strong', {});
    const frame = make('button', { type: 'button', title: 'Correct the frame, or take another photo (P)', 'aria-keyshortcuts': 'p', onclick: () => this.open() }, 'Photo, frame …');
    const leave = make('button', { type: 'button', title: 'Faces by their seeds again; the photo stays in the workspace', onclick: () => this.#leave() }, 'Leave photo');
    this.buttons = make('div', { class: 'fl-co-photo-buttons' }, frame, leave);
    this.known = make('div', { class: 'fl-co-photo-known', hidden: true }, this.picture, make('div', {}, this.state, this.buttons));
    this.element = make('div', { class: 'fl-co-photo' }, this.offer, this.known);
    store.listen(() => this.#follow());
    this.#takeFiles();
  }

  setOptions(options) {
    this.#options = options;
    this.#wanted = '';
    this.#follow();
  }

  /** @param {Blob | null} file to upload at once */
  open(file = null) {
    if (!this.#options || document.querySelector('dialog[open]')) return;
    const { host, api, store } = this;
    openPhotos({ host, api, generator: this.#options.generator, photo: store.recipe.photo, file, onUse: (photo) => this.#use(photo), onDelete: (id) => this.#deleted(id) });
  }

  #use(photo) {
    const { store } = this;
    this.#take(photo);
    this.#wanted = photo.id;
    const isSame = store.recipe.photo === photo.id;
    store.settle(isSame ? {} : plainRecipe({ generator: this.#options.generator, psi: 1, photo: photo.id }));
    this.onBetter(true);
  }

  #deleted(id) {
    if (this.store.recipe.photo === id) this.#leave();
  }

  #leave() {
    const { generator, seed } = this.store.recipe;
    this.store.settle(plainRecipe({ generator, seed }));
  }

  #follow() {
    const { photo } = this.store.recipe;
    this.offer.hidden = Boolean(photo);
    this.known.hidden = !photo;
    if (!photo) this.compare.setPhoto('');
    if (photo === this.#wanted || !this.#options) return;
    this.#wanted = photo;
    this.#photo = null;
    if (photo) this.#load(photo);
  }

  async #load(id) {
    try {
      const photo = await this.api.photo(id);
      if (id === this.#wanted) this.#take(photo);
    } catch (error) {
      if (id === this.#wanted) this.state.textContent = error.message;
    }
  }

  #take(photo) {
    const { api } = this;
    this.#photo = photo;
    const version = JSON.stringify(photo.frame);
    this.state.textContent = stateOf(photo, this.#options.generator);
    this.picture.src = api.photoUrl(photo.id, photo.frame ? 'thumbnail.jpg' : 'shown.jpg', version);
    this.compare.setPhoto(photo.frame ? api.photoUrl(photo.id, 'aligned.png', version) : '');
  }

  /** A file that is dropped on the tab or pasted while it is on screen. */
  #takeFiles() {
    const { host } = this;
    const isOurs = () => host.offsetParent && !document.querySelector('dialog[open]');
    document.addEventListener('paste', (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file || !isOurs()) return;
      event.preventDefault();
      this.open(file);
    });
    host.addEventListener('dragover', (event) => {
      if (![...event.dataTransfer.types].includes('Files')) return;
      event.preventDefault();
      host.classList.add('fl-co-dropping');
    });
    const end = () => host.classList.remove('fl-co-dropping');
    host.addEventListener('dragleave', (event) => !host.contains(event.relatedTarget) && end());
    host.addEventListener('drop', (event) => {
      end();
      const [file] = event.dataTransfer.files;
      if (!file) return;
      event.preventDefault();
      if (isOurs()) this.open(file);
    });
  }
}
