/** How a tab of our own asks its routes: JSON there, answers or an ApiError back. */

import { ApiError } from '../annotate/api.js';
import { uuid } from '../painter/identity.js';

export class Asking {
  #base;
  #tab = uuid(); // requests of one page take each other's place

  /** @param {string} base address of the page, ends with '/' @param {string} routes their first part, such as 'control' */
  constructor(base, routes) {
    this.#base = new URL(`${routes}/`, base);
  }

  url(path) {
    return new URL(path, this.#base).href;
  }

  async json(...asked) {
    return (await this.ask(...asked)).json();
  }

  /** @returns {Promise<Response>} a good one; an aborted request throws what fetch throws, any other failure an ApiError */
  async ask(method, path, body, signal) {
    const isFile = body instanceof Blob; // sent as it is
    const headers = { 'X-Faceloom-Tab': this.#tab, ...(body === undefined || isFile ? {} : { 'Content-Type': 'application/json' }) };
    let response;
    try {
      response = await fetch(this.url(path), { method, headers, signal, body: isFile ? body : body && JSON.stringify(body) });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError('The studio cannot be reached.', 0, 'offline');
    }
    if (response.ok) return response;
    const { error, code } = await response.json().catch(() => ({}));
    throw new ApiError(error ?? `The studio answered ${response.status}.`, response.status, code ?? '');
  }
}
