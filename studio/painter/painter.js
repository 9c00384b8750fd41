/**
 * The painter: one face on screen, painted with class ids.
 *
 * @typedef {object} Scheme as the label scheme's YAML
 * @property {{id: number, name: string, color: string, key?: string}[]} classes ids 0..254, '#rrggbb'
 *
 * @typedef {object} Face what `bridge.load` answers
 * @property {string} imageUrl on this host
 * @property {number} width of map and image in pixels
 * @property {number} height
 * @property {Uint8Array | null} mask [height * width] class ids, 255: not labelled
 * @property {string | number | null} revision that the mask is
 * @property {SuperpixelLevel[] | Promise<SuperpixelLevel[]>} [superpixels] see superpixels.js; a promise may
 *   be kept long after the face is on screen
 * @property {boolean} [isReadOnly]
 *
 * @typedef {object} Bridge the only way to the server
 * @property {(faceId) => Promise<Face>} load
 * @property {(request: {faceId, map: Uint8Array, baseRevision, key: string, status: 'draft' | 'done',
 *   seconds: number, isUrgent: boolean}) => Promise<{revision, stale?: boolean}>} save
 *   The same key means the same save, sent again. An error with `isRefusal: true` is the server's no;
 *   any other error means that it is not known whether the save arrived. stale: somebody saved since
 *   baseRevision; this save is kept as a revision of its own.
 * @property {(faceId) => Promise<{id, label: string}[]>} [revisions]
 * @property {(faceId, id) => Promise<Uint8Array>} [revisionMap]
 */

import { Display } from './display.js';
import { Drafts } from './drafts.js';
import { tabName } from './identity.js';
import { Keys } from './keys.js';
import { createFrame } from './panels/frame.js';
import { clock } from './panels/saved.js';
import { Pointer } from './pointer.js';
import { Session } from './session.js';
import { Settings } from './settings.js';
import { Studio } from './studio.js';

const NARROW = 1300; // CSS pixels below which the bar leaves words out
const STALE_MESSAGE = 'Someone saved meanwhile: your version is kept as its own revision.';

class Painter {
  #sessions = new Set(); // opened and not known to be safe, also faces left
  #opening = 0; // counts calls of open: only the latest shows its face
  #keyboard = new AbortController();
  #lifetime = new AbortController();
  #isClosed = false;

  constructor(root, { scheme, bridge, options = {} }) {
    Object.assign(this, { root, scheme, bridge, options });
    this.settings = new Settings(options.storageKey ?? 'faceloom-painter', {
      classId: (scheme.classes.find(({ name }) => name !== 'background') ?? scheme.classes[0]).id,
      ...options.settings,
    });
    this.drafts = new Drafts(options.database ?? 'faceloom-painter', options.tab ?? tabName());
    this.studio = new Studio(scheme, this.settings);
    this.#addVerbs();
    this.studio.prediction.isOffered = Boolean(options.isPredicted);
    this.frame = createFrame(root, this.studio, bridge, options);
    this.display = new Display(this.frame, this.studio);
    this.studio.pointer = new Pointer(this.frame.surface, this.studio);
    new Keys(root, scheme, this.studio, this.#keyboard.signal);
    this.#watchPage();
    this.studio.listen(() => this.frame.update());
    this.studio.tell('face');
  }

  /** Verbs of the studio that need the page. */
  #addVerbs() {
    Object.assign(this.studio, {
      focus: () => this.root.focus({ preventScroll: true }),
      showHelp: () => this.frame.help.showModal(),
      say: (text) => this.frame.notices.say(text),
      onDone: (isSafe, faceId) => this.options.onDone?.(isSafe, faceId),
      ask: (question) => this.#ask(question),
      copyRevision: (id, classId) => this.copyRevision(id, classId),
    });
  }

  /** Runs a request; tells the person if it fails, and answers undefined. */
  async #ask(question) {
    try {
      return await question();
    } catch (error) {
      this.frame.notices.say(error.message);
      return undefined;
    }
  }

  /**
   * Shows a face. What was on screen is saved first, in the background if the server is away.
   * @returns {Promise<boolean>} whether it is on screen now: not if it failed or another was opened
   */
  async open(faceId) {
    const turn = ++this.#opening;
    this.#leave();
    try {
      await this.#settle(faceId);
      const face = await this.bridge.load(faceId);
      const picture = await Display.loadPicture(face);
      const session = this.#createSession(faceId, face);
      const draft = await session.findDraft();
      if (turn !== this.#opening) return false;
      this.#show(session, picture, face);
      if (draft && !session.desk.isReadOnly) this.#offer(draft, session);
      return true;
    } catch (error) {
      if (turn === this.#opening) this.frame.notices.ask(error.message, []);
      return false;
    }
  }

  /** Shows no face. What was on screen is saved as by `open`. */
  leave() {
    this.#opening++;
    this.#leave();
  }

  /** Saves at once whatever is not safe yet, also of faces left. */
  secure() {
    for (const session of this.#sessions) session.secure();
  }

  /** A face that was left a moment ago is loaded with what was painted, not as it was before. */
  async #settle(faceId) {
    const left = [...this.#sessions].filter((session) => session.faceId === faceId);
    await Promise.all(left.map((session) => session.secure()));
  }

  #leave() {
    const { session } = this.studio;
    this.studio.pointer.finish();
    this.studio.tool.cancel();
    session?.secure();
    this.studio.session = null;
    this.studio.prediction.clear();
    this.studio.readOnlyReason = 'Read only';
    this.frame.notices.clear();
    this.studio.tell('face');
  }

  #createSession(faceId, face) {
    const isShown = () => this.studio.session === session;
    const session = new Session(faceId, face, {
      bridge: this.bridge,
      drafts: this.drafts,
      settings: this.settings,
      timing: this.options.timing,
      on: {
        change: () => isShown() && this.display.mapChanged(),
        commit: () => this.#committed(session),
        refused: () => this.frame.notices.say(this.studio.refusal()),
        regions: () => isShown() && this.studio.tell('face'),
        save: (state) => this.#saveChanged(session, state),
        trouble: (message) => this.frame.notices.say(message),
      },
    });
    return session;
  }

  #show(session, picture, face) {
    this.studio.session = session;
    session.desk.isReadOnly = Boolean(face.isReadOnly || this.options.isReadOnly);
    this.display.show(picture, session.map);
    this.studio.tell('face');
    this.#tellUnknown(session.map);
  }

  #tellUnknown(map) {
    const unknown = [...map.counts.keys()].filter((id) => map.counts[id] && id !== 255 && !this.studio.names.has(id));
    if (!unknown.length) return;
    this.frame.notices.say(`This mask has classes that the scheme does not know: ${unknown.join(', ')}. They are shown in pink; paint over them.`);
  }

  /** Nothing is painted until the question is answered: the draft would be overwritten. */
  async #offer(draft, session) {
    session.desk.isReadOnly = true;
    this.studio.readOnlyReason = 'Restore or discard?';
    this.studio.tell('face');
    const count = draft.ids.reduce((sum, id, i) => sum + (id !== session.map.ids[i]), 0);
    const since = draft.baseRevision === session.saver.baseRevision ? '' : ' Somebody saved this face since.';
    const text = `Work on this face from ${clock(draft.savedAt)} is on this computer and not on the server: ${count} pixels.${since}`;
    const answer = await this.frame.notices.ask(text, ['Restore', 'Discard']);
    session.desk.isReadOnly = false;
    this.studio.readOnlyReason = 'Read only';
    if (answer === 'Restore') session.restore(draft);
    else await session.discard(draft);
    this.studio.tell('face');
    this.studio.focus();
  }

  #committed(session) {
    this.#sessions.add(session);
    if (this.studio.session === session) this.studio.tell('map');
  }

  #saveChanged(session, state) {
    if (session.saver.isSafe) this.#sessions.delete(session);
    else this.#sessions.add(session);
    this.#endWhenSafe();
    if (this.studio.session !== session) return;
    if (state.isStale && !session.isToldStale) {
      session.isToldStale = true;
      this.frame.notices.ask(STALE_MESSAGE, ['OK']);
    }
    this.studio.tell('save');
    this.options.onSave?.(state, session.faceId);
  }

  /** Takes a class (or with null the whole mask) of another revision over, as one gesture. */
  async copyRevision(id, classId = null) {
    const { session } = this.studio;
    await this.#ask(async () => {
      const ids = await this.bridge.revisionMap(session.faceId, id);
      if (this.studio.session === session) session.desk.replace(ids, { classId });
    });
  }

  setReadOnly(isReadOnly) {
    if (this.studio.desk) this.studio.desk.isReadOnly = isReadOnly;
    this.studio.tell('face');
  }

  /** Is everything painted on the server for sure? */
  get isSafe() {
    return [...this.#sessions].every((session) => session.saver.isSafe);
  }

  /** Saves, and stops listening: to keys at once, to the page once everything is safe. */
  async close() {
    this.leave();
    this.#isClosed = true;
    this.#keyboard.abort();
    this.#observer.disconnect();
    this.#endWhenSafe();
  }

  #endWhenSafe() {
    if (this.#isClosed && !this.#sessions.size) this.#lifetime.abort();
  }

  #observer = new ResizeObserver(() => {
    this.root.classList.toggle('fl-narrow', this.root.clientWidth < NARROW);
    if (this.display.stage.resize()) this.studio.viewChanged();
  });

  #watchPage() {
    const { signal } = this.#lifetime;
    this.#observer.observe(this.frame.surface);
    const secure = () => this.secure();
    document.addEventListener('visibilitychange', () => document.hidden && secure(), { signal });
    window.addEventListener('pagehide', secure, { signal });
    window.addEventListener('online', secure, { signal });
    window.addEventListener('beforeunload', (event) => this.isSafe || event.preventDefault(), { signal });
  }
}

/**
 * Builds the painter inside an empty element.
 * @param {HTMLElement} root
 * @param {object} parts
 * @param {Scheme} parts.scheme
 * @param {Bridge} parts.bridge
 * @param {object} [parts.options] {isReadOnly, storageKey, database, timing, settings,
 *   onSave(state, faceId)}, see session.js, settings.js and saving.js; tab: name of this browser tab;
 *   doneLabel, onDone(isSafe, faceId): the button for being done, and what follows;
 *   isPredicted: somebody will predict the face, see prediction.js;
 *   help: further sections of the help, see help.js
 * @returns {Painter}
 */
export function createPainter(root, parts) {
  return new Painter(root, parts);
}
