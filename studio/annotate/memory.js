/** Where this person was: project, face and filter, in the page's address and in this browser. */

const PLACE = 'faceloom.place';
const FILTER = 'faceloom.filter';

export class Memory {
  #hash = '';
  #isShown = true;

  constructor() {
    this.asked = fromHash(); // what the address asked for
  }

  /** @returns {number | null} id of the project to open first */
  projectAmong(projects) {
    const wanted = [this.asked.project, read(PLACE).last];
    const found = wanted.find((id) => projects.some((each) => each.id === id));
    return found ?? projects.at(-1)?.id ?? null;
  }

  /** The face that will probably be opened first, and under which filter. @returns {{id: number | null, filter: string}} */
  get expected() {
    if (this.asked.face !== undefined) return { id: this.asked.face, filter: 'all' };
    const project = this.asked.project ?? read(PLACE).last;
    return { id: this.faceOf(project), filter: this.filterOf(project) ?? 'all' };
  }

  faceOf(projectId) {
    return read(PLACE)[projectId] ?? null;
  }

  filterOf(projectId) {
    return read(FILTER)[projectId] ?? null;
  }

  keepFilter(projectId, filter) {
    write(FILTER, { ...read(FILTER), [projectId]: filter });
  }

  keepPlace(projectId, faceId) {
    this.#hash = faceId === null ? `#project=${projectId}` : `#face=${faceId}`;
    this.#putHash();
    if (faceId !== null) write(PLACE, { ...read(PLACE), [projectId]: faceId, last: projectId });
  }

  /** The address names a face only while the tab is on screen: a reload comes back to that tab. */
  setShown(isShown) {
    this.#isShown = isShown;
    if (this.#hash) this.#putHash();
  }

  #putHash() {
    const { pathname, search } = window.location;
    window.history.replaceState(window.history.state, '', pathname + search + (this.#isShown ? this.#hash : ''));
  }
}

/** '#face=12', '#project=3'. @returns {{face?: number, project?: number}} */
export function fromHash() {
  const asked = {};
  for (const [name, value] of new URLSearchParams(window.location.hash.slice(1))) {
    if (['face', 'project'].includes(name) && /^\d{1,15}$/.test(value)) asked[name] = Number(value);
  }
  return asked;
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: it is forgotten when the page is closed.
  }
}
