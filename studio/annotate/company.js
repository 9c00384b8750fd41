/** Other people on the open face: says so, and offers what is to be done. Never in the way. */

import { when } from './bridge.js';

const HERE = 'company'; // subjects of the lines, see strips.js
const NEWER = 'newer';

export class Company {
  #known = ''; // about whom it was said
  #leftAside = null; // revision that the person does not want to load

  /**
   * @param {object} parts
   * @param {import('./work.js').Work} parts.work
   * @param {import('./api.js').Api} parts.api
   * @param {import('./strips.js').Strips} parts.strips
   * @param {import('./easel.js').Easel} parts.easel
   */
  constructor(parts) {
    Object.assign(this, parts);
    this.leases = []; // of others, who came first first
    this.work.listen((what) => what === 'face' && this.#clear());
  }

  #clear() {
    this.leases = [];
    this.#known = '';
    this.strips.hide(HERE);
    this.strips.hide(NEWER);
    this.work.tell('company');
  }

  /** What the server answered to a heartbeat. */
  answered(faceId, { presence: { holder, others }, current_id: currentId, status }) {
    this.leases = [holder, ...others].filter((lease) => lease && lease.session !== this.api.tab);
    this.work.tell('company');
    this.#warn(holder);
    if (!this.easel.isSafe) return;
    if (this.#isNews(currentId)) this.#offer(faceId);
    else if (status !== this.work.face.status) this.work.changed(faceId, status);
  }

  /** Only who came second is told; once for each who came first. */
  #warn(holder) {
    const isOther = holder && holder.session !== this.api.tab;
    if (!isOther) {
      this.#known = '';
      return this.strips.hide(HERE);
    }
    if (this.#known === holder.session) return undefined;
    this.#known = holder.session;
    const isSelf = holder.person === this.api.person;
    const who = isSelf ? 'You have this face open in another tab' : `${holder.person} has had this face open`;
    const text = `${who} since ${when(holder.since)}. Your saves are kept beside ${isSelf ? 'those' : 'theirs'}; nothing is overwritten.`;
    return this.strips.show(HERE, text, { 'Next free face': () => this.work.stepOn(), 'Paint anyway': () => this.easel.focus() });
  }

  /** Is another mask in force than the one on screen? After a stale save that is known. */
  #isNews(currentId) {
    const saver = this.easel.session?.saver;
    if (!saver || saver.state.isStale || currentId === null) return false;
    return currentId !== saver.baseRevision && currentId !== this.#leftAside;
  }

  /** Asks again for the mask in force: our own save may have been under way. */
  async #offer(faceId) {
    const { face } = await this.api.face(faceId);
    if (this.work.face?.id !== faceId || !this.easel.isSafe || !this.#isNews(face.current?.id ?? null)) return;
    const who = face.current.author === this.api.person ? 'You' : face.current.author;
    this.strips.show(NEWER, `${who} saved a newer mask at ${when(face.current.created_at)}.`, {
      'Load it': () => this.easel.open(this.work.face, true),
      'Keep this one': () => (this.#leftAside = face.current.id),
    });
  }
}
