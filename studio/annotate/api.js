/**
 * The Annotate tab's only way to the server: the routes of studio/routes/, one method each.
 * What comes back is JSON as the server sends it (snake_case), see studio/routes/answers.py.
 */

import { uuid } from '../painter/identity.js';

/** Answers that say no for good; every other failure leaves open whether the request arrived. */
const REFUSALS = [400, 403, 404, 405, 409, 413, 415, 422];
const MAX_KEPT_ALIVE = 60_000; // bytes that a browser sends on after the page is gone

export class ApiError extends Error {
  /** @param {string} message fit for the person @param {number} status 0: no answer at all @param {string} code */
  constructor(message, status, code) {
    super(message);
    Object.assign(this, { name: 'ApiError', status, code, isRefusal: REFUSALS.includes(status) });
  }
}

export class Api {
  person = ''; // whose work it is; with --auth the server goes by the sign-in

  /** @param {string} base address of the page, ends with '/' @param {string} tab name of this browser tab */
  constructor(base, tab) {
    Object.assign(this, { base, tab });
  }

  me() {
    return this.#json('GET', 'me');
  }

  projects() {
    return this.#json('GET', 'projects');
  }

  createProject(name, scheme = null) {
    return this.#json('POST', 'projects', { name, scheme });
  }

  project(id) {
    return this.#json('GET', `projects/${id}`);
  }

  faces(projectId, { statuses = [], offset = 0, limit = 60 } = {}) {
    const query = [...statusQuery(statuses), ['offset', offset], ['limit', limit]];
    return this.#json('GET', `projects/${projectId}/faces?${new URLSearchParams(query)}`);
  }

  /** The face after or before another; null: there is none. @param {'next' | 'previous'} direction */
  async neighbour(projectId, direction, { of = null, statuses = [], isFree = false } = {}) {
    const query = [...statusQuery(statuses), ['direction', direction], ['free', isFree]];
    if (of !== null) query.push(['of', of]);
    return (await this.#json('GET', `projects/${projectId}/neighbour?${new URLSearchParams(query)}`)).face;
  }

  statistics(projectId) {
    return this.#json('GET', `projects/${projectId}/statistics`);
  }

  face(id, statuses = []) {
    return this.#json('GET', `faces/${id}?${new URLSearchParams(statusQuery(statuses))}`);
  }

  removeFace(id, isWithMasks = false) {
    return this.#json('DELETE', `faces/${id}?with_masks=${isWithMasks}`);
  }

  async revisions(faceId) {
    return (await this.#json('GET', `faces/${faceId}/revisions`)).revisions;
  }

  /** @returns {Promise<Uint8Array>} a file of the server: a mask, regions */
  async bytes(path) {
    const response = await this.#ask('GET', path);
    return new Uint8Array(await response.arrayBuffer());
  }

  regions(faceId) {
    return this.bytes(`annotate/faces/${faceId}/regions`);
  }

  /** @param {Uint8Array} png the mask as a PNG of class ids */
  saveMask(faceId, png, { status, key, base = null, seconds = 0, comment = '', isUrgent = false }) {
    const query = { status, key, seconds: seconds.toFixed(1), comment, ...(base === null ? {} : { base }) };
    const keepalive = isUrgent && png.length < MAX_KEPT_ALIVE;
    const path = `faces/${faceId}/masks?${new URLSearchParams(query)}`;
    return this.#json('POST', path, png, { keepalive });
  }

  /**
   * @param {Uint8Array} png as painted by now; empty: nothing is
   * @returns {Promise<Uint8Array | null>} see assist/answer.js; null: a later request took its place
   */
  async predict(faceId, png, sequence) {
    const response = await this.#ask('POST', `annotate/faces/${faceId}/prediction?sequence=${sequence}`, png);
    return response.status === 204 ? null : new Uint8Array(await response.arrayBuffer());
  }

  prepareLive(faceId) {
    return this.#json('POST', `faces/${faceId}/live`);
  }

  suggestion(projectId, besideId = null) {
    const query = besideId === null ? '' : `?beside=${besideId}`;
    return this.#json('POST', `projects/${projectId}/suggestion${query}`);
  }

  holdLease(faceId) {
    return this.#json('POST', `faces/${faceId}/lease`);
  }

  releaseLease(faceId) {
    return this.#json('DELETE', `faces/${faceId}/lease`);
  }

  /** Lets go of every face, even while the page is being closed. */
  leave() {
    navigator.sendBeacon(this.url(`annotate/leave?${new URLSearchParams({ tab: this.tab })}`));
  }

  async review(revisionId, { isAccepted, comment = '', key = uuid() }) {
    return (await this.#json('POST', `revisions/${revisionId}/review`, { accept: isAccepted, comment, key })).revision;
  }

  restore(revisionId, { base, comment = '', key = uuid() }) {
    return this.#json('POST', `revisions/${revisionId}/restore`, { base, comment, key });
  }

  async formats() {
    return (await this.#json('GET', 'formats')).formats;
  }

  /** @param {Blob} zip @param {object} [options] status, match, order, replace, resize: see studio/routes/exchange.py */
  importMasks(projectId, format, zip, options = {}) {
    return this.#json('POST', `projects/${projectId}/import?${new URLSearchParams({ format, ...options })}`, zip);
  }

  /** Where the browser downloads an export. */
  exportUrl(projectId, format, statuses = [], { hasPictures = false } = {}) {
    const query = [['format', format], ...statusQuery(statuses), ...(hasPictures ? [['pictures', true]] : [])];
    return this.url(`annotate/projects/${projectId}/export.zip?${new URLSearchParams(query)}`);
  }

  /** @param {string} path as the server names it @returns {string} */
  url(path) {
    return new URL(path, this.base).href;
  }

  async #json(method, path, body, options) {
    return (await this.#ask(method, `annotate/${path}`, body, options)).json();
  }

  async #ask(method, path, body, options = {}) {
    let response;
    try {
      response = await fetch(this.url(path), { method, ...options, ...this.#content(body) });
    } catch (error) {
      throw new ApiError('The studio cannot be reached.', 0, 'offline');
    }
    if (response.ok) return response;
    const { error, code } = await response.json().catch(() => ({}));
    throw new ApiError(error ?? `The studio answered ${response.status}.`, response.status, code ?? '');
  }

  #content(body) {
    const headers = { 'X-Faceloom-Person': encodeURIComponent(this.person), 'X-Faceloom-Tab': this.tab };
    if (body === undefined) return { headers };
    if (body instanceof Uint8Array || body instanceof Blob) return { headers, body };
    return { headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  }
}

function statusQuery(statuses) {
  return [...statuses].map((status) => ['status', status]);
}
