/**
 * Drafts in this browser (IndexedDB): what was painted survives a crash, a reload, a lost connection.
 * Each tab of the browser keeps its own, so two tabs on one face do not overwrite each other.
 *
 * @typedef {object} Draft
 * @property {string} key
 * @property {number} format 1
 * @property {string} faceId
 * @property {number} width @property {number} height
 * @property {Uint8Array} ids [height * width]
 * @property {string | number | null} baseRevision the revision that was painted on
 * @property {number} savedAt milliseconds since 1970
 */

const FORMAT = 1;
const STORE = 'drafts';

export class Drafts {
  #opening = null;

  /** @param {string} database name in IndexedDB @param {string} tab tells this tab from others */
  constructor(database, tab) {
    Object.assign(this, { database, tab });
  }

  /** Keeps a draft of a face. @throws {DOMException} if the browser has no room or forbids it */
  async keep({ faceId, width, height, ids, baseRevision }) {
    const draft = { format: FORMAT, faceId: String(faceId), width, height, ids, baseRevision };
    const key = `${faceId}/${this.tab}`;
    await this.#run('readwrite', (store) => store.put({ ...draft, key, savedAt: Date.now() }));
  }

  /** The drafts of a face from every tab, the newest first. @returns {Promise<Draft[]>} */
  async of(faceId) {
    const range = IDBKeyRange.bound(`${faceId}/`, `${faceId}/\uffff`);
    const drafts = await this.#run('readonly', (store) => store.getAll(range));
    const isOurs = (draft) => draft.format === FORMAT && draft.faceId === String(faceId);
    return drafts.filter(isOurs).sort((a, b) => b.savedAt - a.savedAt);
  }

  /** Forgets a draft; without a key: this tab's draft of the face. */
  async forget(faceId, key = `${faceId}/${this.tab}`) {
    await this.#run('readwrite', (store) => store.delete(key));
  }

  async #run(mode, action) {
    this.#opening ??= opened(this.database);
    const database = await this.#opening;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = action(transaction.objectStore(STORE));
      if (mode === 'readwrite') transaction.commit?.(); // now: a page that is being left gets no further turn
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

function opened(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'key' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
