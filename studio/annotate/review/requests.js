/** What a review asks the server for: a verdict on the mask in force, an earlier mask back. */

import { uuid } from '../../painter/identity.js';

export class Requests {
  #attempt = { what: '', key: '' }; // the same request sent again has the same key

  /**
   * @param {object} parts
   * @param {import('../api.js').Api} parts.api
   * @param {import('./actions.js').Actions} parts.actions busy meanwhile
   * @param {(face: object, revision: object) => void | Promise<void>} parts.onDecided see review.js
   * @param {(face: object, result: object) => void} parts.onRestored
   * @param {(face: object) => Promise<void>} parts.reload this and the next two: only if the face is still open
   * @param {(face: object, revision: object) => Promise<void>} parts.add the face as it is now, its new revision
   * @param {(face: object, text: string, isBad?: boolean) => void} parts.say
   */
  constructor(parts) {
    Object.assign(this, parts);
  }

  async decide(face, current, isAccepted, comment) {
    await this.#ask(face, `${current.id} ${isAccepted} ${comment}`, async (key) => {
      const revision = await this.api.review(current.id, { isAccepted, comment, key });
      const now = { ...face, status: revision.status, current: revision, settled_id: revision.id };
      await this.add(now, revision);
      this.say(face, `#${current.id} is ${revision.status}.`);
      await this.onDecided(now, revision); // whoever shows the next face says when it is there
    });
  }

  async restore(face, chosen, current) {
    await this.#ask(face, `restore ${chosen.id} ${current?.id}`, async (key) => {
      const result = await this.api.restore(chosen.id, { base: current?.id ?? null, key });
      const { revision, is_stale: isStale } = result;
      const now = isStale ? face : { ...face, status: revision.status, current: revision };
      if (isStale) await this.reload(face);
      else await this.add(now, revision);
      const text = isStale
        ? `Somebody saved before you: #${chosen.id} was restored as #${revision.id}, kept beside the mask in force.`
        : `#${chosen.id} is in force again, as #${revision.id}.`;
      this.say(face, text, isStale);
      this.onRestored(now, result);
    });
  }

  /** Asks the server for something once; a refusal shows what is there by now. */
  async #ask(face, what, send) {
    if (this.#attempt.what !== what) this.#attempt = { what, key: uuid() };
    this.actions.isBusy = true;
    this.actions.say('Saving…');
    try {
      await send(this.#attempt.key);
      this.#attempt = { what: '', key: '' };
    } catch (error) {
      if (error.isRefusal) this.#attempt = { what: '', key: '' };
      if (error.status === 409) await this.reload(face);
      const again = error.isRefusal ? '' : ' Nothing is kept twice if you try again.';
      this.say(face, error.message + again, true);
    } finally {
      this.actions.isBusy = false;
    }
  }
}
