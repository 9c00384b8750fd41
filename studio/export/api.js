/** The Export tab's only way to the server: studio/routes/export_recipe.py and exports.py, one method each. */

import { Asking } from '../control/asking.js';
import { readFrames } from '../control/frames.js';

export class ExportApi {
  #server;

  /** @param {string} base address of the page, ends with '/' */
  constructor(base) {
    this.#server = new Asking(base, 'export');
  }

  options(generator = '') {
    return this.#server.json('GET', `options?${new URLSearchParams({ generator })}`);
  }

  /** @param {{recipe: object} | {text: string}} given */
  look(given) {
    return this.#server.json('POST', 'recipe', given);
  }

  /** @returns {AsyncGenerator<object>} frames as they come */
  async *sample(recipe, sequence, signal) {
    const response = await this.#server.ask('POST', `sample?sequence=${sequence}`, { recipe }, signal);
    yield* readFrames(response.body);
  }

  /** @param {number} sequence of the last one */
  stopSample(sequence) {
    return this.#server.ask('POST', `sample/stop?sequence=${sequence}`);
  }

  list() {
    return this.#server.json('GET', 'exports');
  }

  /** @param {string} engine who makes the faces: 'local' or 'ray' */
  start(recipe, engine) {
    return this.#server.json('POST', 'exports', { recipe, engine });
  }

  one(name) {
    return this.#server.json('GET', path(name));
  }

  /** @param {'pause' | 'cancel' | 'resume' | 'verify'} what */
  act(name, what) {
    return this.#server.json('POST', `${path(name)}/${what}`);
  }

  remove(name) {
    return this.#server.ask('DELETE', path(name));
  }

  /** @returns {Promise<string>} */
  async text(name, file) {
    return (await this.#server.ask('GET', `${path(name)}/${file}`)).text();
  }

  fileUrl(name, file) {
    return this.#server.url(`${path(name)}/${file}`);
  }
}

const path = (name) => `exports/${encodeURIComponent(name)}`;
