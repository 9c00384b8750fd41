/** The painter of the project that is open; a new one for each project, as classes differ. */

import { make } from '../painter/panels/dom.js';
import { createPainter } from '../painter/painter.js';
import { Bridge, faceKey } from './bridge.js';

export class Easel {
  painter = null;
  #prepared = null; // project that the painter was built for ahead
  #key = null; // of the face that is or will be on screen

  /**
   * @param {object} parts
   * @param {import('./api.js').Api} parts.api
   * @param {import('./work.js').Work} parts.work
   * @param {[string, [string, string][]][]} parts.help sections for the painter's help
   * @param {(state: object) => void} parts.onSave see saving.js
   * @param {(painter: object) => void} parts.onPainter a new painter was built
   */
  constructor({ api, work, help, onSave, onPainter }) {
    Object.assign(this, { api, work, help, onSave, onPainter });
    this.bridge = new Bridge(api, work, () => this.painter?.settings.get('tool') === 'smart');
    this.element = make('div', { class: 'fl-an-easel' });
  }

  /** Builds the painter of a project that will probably be opened. @param {object | null} project */
  prepare(project) {
    if (this.painter) return;
    this.#prepared = project;
    this.#build(project);
  }

  /** @param {object | null} project */
  setProject(project) {
    const isReady = this.#prepared && project && hasPainterOf(this.#prepared, project);
    this.#prepared = null;
    this.#key = null;
    if (!isReady) this.#build(project);
  }

  #build(project) {
    this.painter?.close();
    this.painter = null;
    this.element.replaceChildren();
    if (!project) return;
    const root = make('div', {});
    this.element.append(root);
    this.painter = createPainter(root, { scheme: project.scheme, bridge: this.bridge, options: this.#options() });
    this.onPainter(this.painter);
  }

  #options() {
    return {
      tab: this.api.tab,
      help: this.help,
      isPredicted: true,
      doneLabel: 'Done & next',
      onDone: (isSafe) => isSafe && this.work.stepOn(),
      onSave: this.onSave,
    };
  }

  get session() {
    return this.painter?.studio.session ?? null;
  }

  /** Has the person painted anything here that the server does not have for sure? */
  get isSafe() {
    return this.session?.saver.isSafe ?? true;
  }

  /** @param {object | null} face @param {boolean} isAnew also if it is the one on screen */
  async open(face, isAnew = false) {
    const key = face && faceKey(face);
    if (key === this.#key && !isAnew) return;
    this.#key = key;
    if (!face) return this.painter?.leave();
    const isShown = await this.painter.open(key);
    if (!isShown) return;
    this.#takeFocus();
    this.#warmNext();
  }

  async #warmNext() {
    const next = await this.work.following().catch(() => null); // it is only to be quicker
    if (next) this.bridge.warm(next);
  }

  /** The server is back: saves what waits, and opens the face that could not be opened. */
  resume(face) {
    this.painter?.secure();
    if (face && !this.session) this.open(face, true);
  }

  /** Keys mean the painter from now on, unless somebody is writing, choosing or leafing through the list. */
  #takeFocus() {
    const { activeElement } = document;
    const isBusy = activeElement?.matches('input, textarea, select, summary, .fl-an-list, .fl-painter, .fl-painter *');
    if (!isBusy && !document.querySelector('dialog[open]')) this.focus();
  }

  focus() {
    this.painter?.root.focus({ preventScroll: true });
  }
}

function hasPainterOf(one, other) {
  return one.id === other.id && JSON.stringify(one.scheme) === JSON.stringify(other.scheme);
}
