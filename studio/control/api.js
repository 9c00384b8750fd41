/** The Control tab's only way to the server: the routes of studio/routes/control.py, one method each. */

import { Asking } from './asking.js';
import { readFrames } from './frames.js';

export class ControlApi {
  #server;

  /** @param {string} base address of the page, ends with '/' */
  constructor(base) {
    this.base = base; // for the projects, which have routes of their own
    this.#server = new Asking(base, 'control');
  }

  async options(generator = '') {
    return this.#server.json('GET', `options?${new URLSearchParams({ generator })}`);
  }

  /** @returns {Promise<object | null>} one frame; null: a later request took its place */
  async preview(recipe, sequence, size, signal) {
    const response = await this.#server.ask('POST', `preview?sequence=${sequence}&size=${size}`, recipe, signal);
    if (response.status === 204) return null;
    for await (const frame of readFrames(response.body)) return frame;
    return null;
  }

  /** @returns {AsyncGenerator<object>} frames as they come */
  async *face(recipe, sequence, signal, { isBefore = false } = {}) {
    const response = await this.#server.ask('POST', `face?sequence=${sequence}&before=${isBefore}`, recipe, signal);
    yield* readFrames(response.body);
  }

  /** Whatever this page has under way ends. @param {number} sequence of the last request */
  stop(sequence) {
    return this.#server.ask('POST', `stop?sequence=${sequence}`);
  }

  async keep(recipe, project) {
    return this.#server.json('POST', 'keep', { recipe, project });
  }

  /** @returns {Promise<string>} YAML */
  async recipeFile(recipes) {
    return (await this.#server.json('POST', 'recipe', { recipes })).yaml;
  }

  /**
   * What cannot be is refused before the first frame.
   * @param {object} wanted as studio/routes/own_sliders.py has it
   * @returns {Promise<AsyncGenerator<object>>} frames as they come
   */
  async makeSlider(wanted, signal) {
    return readFrames((await this.#server.ask('POST', 'own', wanted, signal)).body);
  }

  /** The slider that this page is making is given up. */
  stopSlider() {
    return this.#server.ask('POST', 'own/stop');
  }

  async renameSlider(name, title, generator) {
    return this.#server.json('PATCH', `own/${encodeURIComponent(name)}`, { title, generator });
  }

  deleteSlider(name, generator) {
    return this.#server.ask('DELETE', `own/${encodeURIComponent(name)}?${new URLSearchParams({ generator })}`);
  }

  /** @returns {Promise<object[]>} the photos of the workspace, newest first; see studio/routes/photos.py */
  async photos() {
    return (await this.#server.json('GET', 'photos')).photos;
  }

  async photo(id) {
    return this.#server.json('GET', `photos/${id}`);
  }

  /** @param {Blob} file whatever it is */
  async uploadPhoto(file, signal) {
    return this.#server.json('POST', 'photos', file, signal);
  }

  /**
   * Cuts the frame out and finds first latents.
   * @param {boolean} [isSpared] faces are made of it that must stay: another frame is that of a copy
   * @returns {Promise<object>} the photo, or its copy
   */
  async usePhoto(id, frame, generator, isSpared = false) {
    return this.#server.json('POST', `photos/${id}/use`, { frame, generator, is_spared: isSpared });
  }

  /** Begins a search in the background. @returns {Promise<object>} the photo, with its job */
  async sharpenPhoto(id, generator) {
    return this.#server.json('POST', `photos/${id}/sharpen`, { generator });
  }

  /** A copy of the generator begins to learn it in the background. @returns {Promise<object>} as above */
  async tunePhoto(id, generator) {
    return this.#server.json('POST', `photos/${id}/tune`, { generator });
  }

  /** What works on it ends at its next step, and the best stays. */
  async stopPhoto(id) {
    return this.#server.json('POST', `photos/${id}/stop`);
  }

  deletePhoto(id) {
    return this.#server.ask('DELETE', `photos/${id}`);
  }

  /** @param {'shown.jpg' | 'aligned.png' | 'thumbnail.jpg' | 'tuning.jpg'} picture @param {string} [version] anew where it changes */
  photoUrl(id, picture, version = '') {
    return this.#server.url(`photos/${id}/${picture}?${new URLSearchParams({ v: version })}`);
  }

  /** A small picture of the face that parts are taken from. @param {{generator: string, source: string, psi: number}} of @param {string} [version] anew where it changes */
  sourceUrl({ generator, source, psi }, version = '') {
    return this.#server.url(`source.jpg?${new URLSearchParams({ generator, source, psi, v: version })}`);
  }

  /** Where the browser downloads a file. @param {'face.png' | 'face.npy' | 'mask.png'} file */
  fileUrl(file, recipe) {
    return this.#server.url(`${file}?${new URLSearchParams({ recipe: JSON.stringify(recipe) })}`);
  }
}
