/** The Control tab's only way to the server: the routes of studio/routes/control.py, one method each. */

import { ApiError } from '../annotate/api.js';
import { uuid } from '../painter/identity.js';
import { readFrames } from './frames.js';

export class ControlApi {
  /** @param {string} base address of the page, ends with '/' */
  constructor(base) {
    this.base = base;
    this.tab = uuid(); // requests of one page take each other's place
  }

  async options(generator = '') {
    return (await this.#ask('GET', `options?${new URLSearchParams({ generator })}`)).json();
  }

  /** @returns {Promise<object | null>} one frame; null: a later request took its place */
  async preview(recipe, sequence, size, signal) {
    const response = await this.#ask('POST', `preview?sequence=${sequence}&size=${size}`, recipe, signal);
    if (response.status === 204) return null;
    for await (const frame of readFrames(response.body)) return frame;
    return null;
  }

  /** @returns {AsyncGenerator<object>} frames as they come */
  async *face(recipe, sequence, signal, { isBefore = false } = {}) {
    const response = await this.#ask('POST', `face?sequence=${sequence}&before=${isBefore}`, recipe, signal);
    yield* readFrames(response.body);
  }

  /** Whatever this page has under way ends. */
  stop() {
    return this.#ask('POST', 'stop');
  }

  async keep(recipe, project) {
    return (await this.#ask('POST', 'keep', { recipe, project })).json();
  }

  /** @returns {Promise<string>} YAML */
  async recipeFile(recipes) {
    return (await (await this.#ask('POST', 'recipe', { recipes })).json()).yaml;
  }

  /**
   * What cannot be is refused before the first frame.
   * @param {object} wanted as studio/routes/own_sliders.py has it
   * @returns {Promise<AsyncGenerator<object>>} frames as they come
   */
  async makeSlider(wanted, signal) {
    return readFrames((await this.#ask('POST', 'own', wanted, signal)).body);
  }

  /** The slider that this page is making is given up. */
  stopSlider() {
    return this.#ask('POST', 'own/stop');
  }

  async renameSlider(name, title, generator) {
    return (await this.#ask('PATCH', `own/${encodeURIComponent(name)}`, { title, generator })).json();
  }

  deleteSlider(name, generator) {
    return this.#ask('DELETE', `own/${encodeURIComponent(name)}?${new URLSearchParams({ generator })}`);
  }

  /** Where the browser downloads a file. @param {'face.png' | 'face.npy' | 'mask.png'} file */
  fileUrl(file, recipe) {
    return this.#url(`${file}?${new URLSearchParams({ recipe: JSON.stringify(recipe) })}`);
  }

  #url(path) {
    return new URL(`control/${path}`, this.base).href;
  }

  async #ask(method, path, body, signal) {
    const headers = { 'X-Faceloom-Tab': this.tab, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
    let response;
    try {
      response = await fetch(this.#url(path), { method, headers, signal, body: body && JSON.stringify(body) });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError('The studio cannot be reached.', 0, 'offline');
    }
    if (response.ok) return response;
    const { error, code } = await response.json().catch(() => ({}));
    throw new ApiError(error ?? `The studio answered ${response.status}.`, response.status, code ?? '');
  }
}
