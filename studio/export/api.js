/** The Export tab's only way to the server: studio/routes/export_recipe.py and exports.py, one method each. */

import { ApiError } from '../annotate/api.js';
import { readFrames } from '../control/frames.js';
import { uuid } from '../painter/identity.js';

export class ExportApi {
  /** @param {string} base address of the page, ends with '/' */
  constructor(base) {
    this.base = base;
    this.tab = uuid(); // requests of one page take each other's place
  }

  options(generator = '') {
    return this.#json('GET', `options?${new URLSearchParams({ generator })}`);
  }

  /** @param {{recipe: object} | {text: string}} given */
  look(given) {
    return this.#json('POST', 'recipe', given);
  }

  /** @returns {AsyncGenerator<object>} frames as they come */
  async *sample(recipe, sequence, signal) {
    const response = await this.#ask('POST', `sample?sequence=${sequence}`, { recipe }, signal);
    yield* readFrames(response.body);
  }

  stopSample() {
    return this.#ask('POST', 'sample/stop');
  }

  list() {
    return this.#json('GET', 'exports');
  }

  start(recipe) {
    return this.#json('POST', 'exports', { recipe });
  }

  one(name) {
    return this.#json('GET', path(name));
  }

  /** @param {'pause' | 'cancel' | 'resume' | 'verify'} what */
  act(name, what) {
    return this.#json('POST', `${path(name)}/${what}`);
  }

  remove(name) {
    return this.#ask('DELETE', path(name));
  }

  /** @returns {Promise<string>} */
  async text(name, file) {
    return (await this.#ask('GET', `${path(name)}/${file}`)).text();
  }

  fileUrl(name, file) {
    return this.#url(`${path(name)}/${file}`);
  }

  #url(path) {
    return new URL(`export/${path}`, this.base).href;
  }

  async #json(...asked) {
    return (await this.#ask(...asked)).json();
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

const path = (name) => `exports/${encodeURIComponent(name)}`;
