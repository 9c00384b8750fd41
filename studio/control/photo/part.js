/** The panel's lines on a photo: which one it is, how far it has come, and what can be done with it. */

import { SENT } from '../../export/store.js';
import { make } from '../../painter/panels/dom.js';
import { photoOf, plainRecipe } from '../recipe.js';
import { openPhotos } from './dialog.js';
import { takeDrops } from './drop.js';
import { detailOf, doingOf, sharpenOf, stateOf, stepOf, TUNE, tunedOf, WHAT_SHARPEN, WHAT_STOP } from './state.js';
import { PhotoWatch } from './watch.js';

const TUNING = 'A copy of the generator learns this photo, for full likeness: many minutes, in the background';
const TUNED = 'The generator that was tuned to this photo, or the one it was made of';

export class PhotoPart {
  #options = null;
  #photo = null; // as the server describes it
  #wanted = ''; // id of the one in sight
  #version = ''; // of its latents
  #watch = new PhotoWatch({ load: () => this.api.photo(this.#wanted), onPhoto: (photo) => this.#take(photo), onTrouble: (text) => (this.state.textContent = text) });

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
    const frame = make('button', { type: 'button', title: 'Correct the frame, or take another photo (P)', 'aria-keyshortcuts': 'p', onclick: () => this.open() }, 'Photo …');
    const leave = make('button', { type: 'button', class: 'fl-co-photo-leave', title: 'Faces by their seeds again; the photo stays in the workspace', 'aria-label': 'Leave the photo', onclick: () => this.#leave() }, '×');
    this.detail = make('small', {});
    this.sharpen = make('button', { type: 'button', title: WHAT_SHARPEN, onclick: () => this.#order((id) => api.sharpenPhoto(id, this.#options.generator)) }, 'Sharpen');
    const variants = make('button', { type: 'button', title: 'Opens the Export tab: pictures of this person under other light and with other hair, with masks', onclick: () => this.#vary() }, 'Variants');
    this.tune = make('button', { type: 'button', title: TUNING, onclick: () => this.#order((id) => api.tunePhoto(id, this.#options.generator)) }, 'Tune');
    this.tuned = make('button', { type: 'button', title: TUNED, 'aria-pressed': 'false', hidden: true, onclick: () => this.#switchTuned() }, 'Tuned');
    this.buttons = make('div', { class: 'fl-co-photo-buttons' }, this.sharpen, this.tune, this.tuned, variants);
    this.doing = make('span', {});
    this.bar = make('progress', { 'aria-label': 'Progress' });
    this.stop = make('button', { type: 'button', title: WHAT_STOP, onclick: () => this.#order((id) => api.stopPhoto(id)) }, 'Stop, keep the best');
    this.work = make('div', { class: 'fl-co-making', role: 'status', hidden: true }, this.doing, this.bar, this.stop);
    const top = make('div', { class: 'fl-co-photo-top' }, this.picture, make('div', {}, this.state, this.detail), frame, leave);
    this.known = make('div', { class: 'fl-co-photo-known', hidden: true }, top, this.buttons);
    this.watched = make('img', { class: 'fl-co-photo-watched', alt: 'What the generator that is being tuned draws by now', draggable: 'false', hidden: true });
    this.element = make('div', { class: 'fl-co-photo' }, this.offer, this.known, this.work, this.watched);
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
    openPhotos({ host, api, generator: this.#base ?? this.#options.generator, photo: store.recipe.photo, file, spared: [photoOf(store.recipe.source)], onUse: (photo) => this.#use(photo), onDelete: (id) => this.deleted(id) });
  }

  #use(photo) {
    const { store } = this;
    const generator = this.#base ?? this.#options.generator;
    this.#take(photo);
    this.#wanted = photo.id;
    this.#watch.begin(photo.id);
    const isSame = store.recipe.photo === photo.id;
    store.settle(isSame ? { generator } : plainRecipe({ generator, psi: 1, photo: photo.id }));
    if (generator === this.#options.generator) this.onBetter(true); // else all is asked anew
  }

  /** The generator that the one in sight was tuned from; null where it is none. */
  get #base() {
    return this.#photo?.latents[this.#options.generator]?.base ?? null;
  }

  /** From the generator that was tuned to the photo to the one it was made of, and back. */
  #switchTuned() {
    const generator = this.#base ?? tunedOf(this.#photo, this.#options.generator);
    if (generator) this.store.settle({ generator });
  }

  /** Whatever was made of it goes. */
  deleted(id) {
    const { photo, source } = this.store.recipe;
    if (photo === id) this.#leave();
    else if (photoOf(source) === id) this.store.settle({ take: {}, source: '' });
  }

  #leave() {
    const { generator, seed } = this.store.recipe;
    this.store.settle(plainRecipe({ generator: this.#base ?? generator, seed }));
  }

  /** Leaves a recipe where the Export tab looks when it is opened. */
  async #vary() {
    try {
      sessionStorage.setItem(SENT, await this.api.recipeFile([this.store.recipe]));
      document.querySelector('#tab-export-button')?.click();
    } catch (error) {
      this.strips.show('photo', error.message, { Close: () => {} }, { tone: 'bad' });
    }
  }

  #follow() {
    const { photo } = this.store.recipe;
    this.offer.hidden = Boolean(photo);
    this.known.hidden = !photo;
    if (!photo) this.compare.setPhoto('');
    if (photo === this.#wanted || !this.#options) return;
    this.#wanted = photo;
    this.#photo = null;
    this.#version = '';
    this.work.hidden = this.watched.hidden = true;
    this.#watch.begin(photo);
    if (photo) this.#watch.look();
  }

  /** @param {(id: string) => Promise<object>} act gives the photo as it is then */
  async #order(act) {
    const id = this.#wanted;
    try {
      const photo = await act(id);
      if (id === this.#wanted) this.#take(photo);
    } catch (error) {
      this.strips.show('photo', error.message, { Close: () => {} }, { tone: 'bad' });
    }
  }

  #take(photo) {
    const { api } = this;
    const { generator } = this.#options;
    const before = this.#photo?.id === photo.id ? this.#photo : null;
    this.#photo = photo;
    const frame = JSON.stringify(photo.frame);
    this.state.textContent = stateOf(photo, generator);
    this.detail.textContent = detailOf(photo, generator);
    show(this.picture, api.photoUrl(photo.id, photo.frame ? 'thumbnail.jpg' : 'shown.jpg', frame));
    this.compare.setPhoto(photo.frame ? api.photoUrl(photo.id, 'aligned.png', frame) : '');
    this.#showWork(photo);
    const version = JSON.stringify(photo.latents[generator]);
    const [isAlive, wasAlive] = [Boolean(photo.job?.is_alive), Boolean(before?.job?.is_alive)];
    if (before && (version !== this.#version || (wasAlive && !isAlive))) this.onBetter(!isAlive);
    this.#version = version;
    if (wasAlive && photo.job.state === 'failed') this.strips.show('photo', photo.job.error, { Close: () => {} }, { tone: 'bad' });
    if (isAlive) this.#watch.later();
    else if (wasAlive && isResult(tunedOf(photo, generator), photo)) this.#switchTuned();
  }

  #showWork(photo) {
    const { job } = photo;
    const { generator } = this.#options;
    const isAlive = Boolean(job?.is_alive);
    const isTuned = this.#base !== null;
    this.work.hidden = !isAlive;
    this.sharpen.disabled = this.tune.disabled = isAlive || isTuned;
    this.sharpen.textContent = sharpenOf(photo, generator);
    this.tuned.hidden = !isTuned && !tunedOf(photo, generator);
    this.tuned.setAttribute('aria-pressed', isTuned);
    const isWatched = isAlive && job.kind === TUNE && photo.tuning.job === job.id;
    this.watched.hidden = !isWatched;
    if (isWatched) show(this.watched, this.api.photoUrl(photo.id, 'tuning.jpg', photo.tuning.step));
    if (!isAlive) return;
    this.stop.disabled = job.state === 'stopping';
    const { done, total } = stepOf(photo);
    this.doing.textContent = doingOf(photo);
    if (total && job.state !== 'queued') Object.assign(this.bar, { max: total, value: done });
    else this.bar.removeAttribute('value');
  }

  /** A file that is dropped on the tab or pasted while it is on screen. */
  #takeFiles() {
    const { host } = this;
    document.addEventListener('paste', (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file || !host.offsetParent || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      this.open(file);
    });
    takeDrops(host, (file) => this.open(file));
  }
}

/** Whether that generator, if any, is what the photo's newest work made: it may have been stopped before its first step. */
function isResult(tuned, { job, latents }) {
  return latents[tuned]?.job === job.id;
}

/** Setting an image's address loads it, even the same one. */
function show(picture, url) {
  if (picture.src !== url) picture.src = url;
}
