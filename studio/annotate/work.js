/** What the parts of the tab share: project, filter, face, mode; and the verbs that change them. */

export const STATUS_NAMES = { todo: 'To do', draft: 'Draft', done: 'Done', accepted: 'Accepted', rejected: 'Rejected' };
export const FINISHED = ['done', 'accepted'];

/** Filter -> statuses of the faces that it shows; none: all. */
export const FILTERS = {
  all: [],
  ...Object.fromEntries(Object.keys(STATUS_NAMES).map((status) => [status, [status]])),
};
export const FILTER_NAMES = { all: 'All', ...STATUS_NAMES };

export class Work {
  projects = null; // null: not loaded yet
  project = null;
  filter = 'all';
  mode = 'paint'; // or 'review'
  #filterToPaint = 'all'; // comes back after a review
  face = null; // the open face as the server described it last
  place = null; // of the face in the filter, from 0; null: not known, or not in it
  isSearching = false; // a face to open is being looked for
  #fresh = null; // facts of a face that were asked for to open it, and not used yet
  #expected = null; // {id, filter, answer}: facts of the face to open first, asked for ahead
  #moves = Promise.resolve();
  #listeners = [];

  /** @param {import('./api.js').Api} api @param {import('./memory.js').Memory} memory */
  constructor(api, memory) {
    Object.assign(this, { api, memory });
  }

  /**
   * Calls `update(what, detail)` on 'projects' (their list or counts), 'project', 'filter', 'mode',
   * 'face' (another one, or none), 'expected' (facts of the one to open first), 'loaded' (its facts are fresh), 'status' ({id, status}),
   * 'searching', 'note' (text) and 'trouble' (an error).
   */
  listen(update) {
    this.#listeners.push(update);
  }

  tell(what, detail) {
    for (const update of this.#listeners) update(what, detail);
  }

  /** Runs a request; if it fails the person is told, and the answer is undefined. */
  async attempt(question) {
    try {
      return await question();
    } catch (error) {
      this.tell('trouble', error);
      return undefined;
    }
  }

  get statuses() {
    return FILTERS[this.filter];
  }

  /** How many faces the project has with these statuses; none: all. */
  count(statuses = []) {
    const counts = this.project?.num_faces ?? {};
    const wanted = statuses.length ? statuses : Object.keys(STATUS_NAMES);
    return wanted.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
  }

  /** The projects and their counts as they are now; opens one if none is open. */
  async refresh() {
    return this.begin((await this.api.projects()).projects);
  }

  /** @param {object[]} projects as they are now */
  async begin(projects) {
    this.projects = projects;
    const same = projects.find(({ id }) => id === this.project?.id);
    if (!same) return this.#chooseAmong(projects);
    this.project = same;
    this.tell('projects');
    if (!this.face) await this.openFirst();
    return undefined;
  }

  /** The one that the address asks for, or the one of last time. */
  async #chooseAmong(projects) {
    const { face: asked } = this.memory.asked;
    const linked = asked ? await this.#factsOf(asked).catch(() => null) : null;
    const project = linked?.face.project_id ?? this.memory.projectAmong(projects);
    this.memory.asked = {};
    return linked ? this.choose(project, asked) : this.choose(project);
  }

  /** @param {number | null} id of a project; null: there is none @param {number | null} faceId to open */
  async choose(id, faceId = this.memory.faceOf(id)) {
    this.project = this.projects.find((each) => each.id === id) ?? null;
    if (this.mode !== 'paint') this.#setMode('paint');
    this.filter = this.memory.filterOf(id) ?? 'all';
    this.#show(null);
    this.tell('project');
    this.tell('projects');
    if (this.project) await this.openFirst(faceId);
  }

  async create(name, scheme) {
    const project = await this.api.createProject(name, scheme);
    this.projects = [...this.projects, project];
    await this.choose(project.id, null);
  }

  setFilter(filter) {
    if (!(filter in FILTERS)) throw new Error(`No filter is called '${filter}'; there are ${Object.keys(FILTERS).join(', ')}.`);
    this.filter = filter;
    this.place = null;
    if (this.mode === 'paint') this.memory.keepFilter(this.project.id, filter);
    this.tell('filter');
    return this.#move(() => this.#stayOrSearch());
  }

  /** In review mode the faces that are done are shown. Who goes back to painting keeps the face. */
  setMode(mode) {
    if (mode === this.mode) return undefined;
    if (mode === 'review') this.#filterToPaint = this.filter;
    this.#setMode(mode);
    if (mode === 'review') return this.setFilter('done');
    const shows = FILTERS[this.#filterToPaint];
    const isShown = !this.face || !shows.length || shows.includes(this.face.status);
    return this.setFilter(isShown ? this.#filterToPaint : 'all');
  }

  #setMode(mode) {
    this.mode = mode;
    this.tell('mode');
  }

  /** The face that was asked for, or the first of the filter that nobody has open. */
  async openFirst(faceId = null) {
    await this.#move(async () => {
      const asked = faceId === null ? null : await this.#factsOf(faceId).catch(() => null);
      this.#expected = null; // what comes later has to be asked for anew
      if (asked?.face.project_id === this.project.id) return this.#show(asked.face, asked);
      return this.#search();
    });
  }

  /** Asks for the face that will probably be opened first, while other things are being asked. */
  expect() {
    const { id, filter } = this.memory.expected;
    this.#expected = null;
    if (id === null) return;
    const answer = this.api.face(id, FILTERS[filter]);
    this.#expected = { id, filter, answer };
    answer.then(({ face }) => this.tell('expected', face)).catch(() => {}); // told where it is needed
  }

  #factsOf(id) {
    const isExpected = this.#expected?.id === id && this.#expected.filter === this.filter;
    return isExpected ? this.#expected.answer : this.api.face(id, this.statuses);
  }

  /** @param {number} id */
  open(id) {
    return this.#move(async () => {
      if (id !== this.face?.id) this.#show((await this.api.face(id)).face);
    });
  }

  /** A link to a face, of whatever project. */
  async openLinked(id) {
    const { face } = await this.api.face(id);
    if (face.project_id === this.project?.id) return this.open(id);
    return this.choose(face.project_id, id);
  }

  /** @param {'next' | 'previous'} direction */
  step(direction) {
    return this.#move(async () => {
      const face = await this.#neighbour(direction, this.face?.id ?? null);
      if (face) return this.#show(face);
      return this.tell('note', direction === 'next' ? 'This is the last face.' : 'This is the first face.');
    });
  }

  /** The next face that nobody has open; after the last one from the first again. */
  stepOn() {
    return this.#move(async () => {
      const from = this.face?.id ?? null;
      const face = (await this.#neighbour('next', from, true)) ?? (await this.#neighbour('next', null, true));
      if (face && face.id !== from) return this.#show(face);
      if (this.#isInFilter(this.face)) return this.tell('note', 'There is no other free face here.');
      return this.#show(null);
    });
  }

  /** The face that `step('next')` would show. @returns {Promise<object | null>} */
  following() {
    return this.#neighbour('next', this.face.id);
  }

  /** Moves come one after the other: two quick steps are two faces. */
  #move(action) {
    this.#moves = this.#moves.then(() => this.attempt(action));
    return this.#moves;
  }

  async #neighbour(direction, of, isFree = false) {
    return this.api.neighbour(this.project.id, direction, { of, statuses: this.statuses, isFree });
  }

  #isInFilter(face) {
    return Boolean(face) && (!this.statuses.length || this.statuses.includes(face.status));
  }

  async #stayOrSearch() {
    if (this.#isInFilter(this.face)) this.tell('face');
    else await this.#search();
  }

  async #search() {
    this.isSearching = true;
    this.tell('searching');
    try {
      const unfinished = this.filter === 'all' ? await this.#firstUnfinished() : null;
      const found = unfinished ?? (await this.#neighbour('next', null, true)) ?? (await this.#neighbour('next', null));
      this.isSearching = false;
      this.#show(found);
    } finally {
      this.isSearching = false;
      this.tell('searching');
    }
  }

  #firstUnfinished() {
    return this.api.neighbour(this.project.id, 'next', { statuses: ['todo', 'draft'], isFree: true });
  }

  #show(face, fresh = null) {
    this.face = face;
    this.place = null;
    this.#fresh = fresh;
    if (this.project) this.memory.keepPlace(this.project.id, face?.id ?? null);
    this.tell('face');
  }

  /**
   * Asks for the facts of a face that is being opened, and takes note of them.
   * @returns {Promise<object>} the face
   */
  async lookUp(id) {
    const fresh = this.#fresh?.face.id === id ? this.#fresh : await this.api.face(id, this.statuses);
    this.#fresh = null;
    this.#note(fresh);
    return fresh.face;
  }

  #note({ face, place }) {
    if (face.id !== this.face?.id) return;
    this.#setStatus(face);
    this.face = face;
    this.place = this.#isInFilter(face) ? place : null;
    this.tell('loaded');
  }

  /** A face has this status now. @param {object} [current] the revision in force, if it is a new one */
  changed(faceId, status, current = this.face?.current) {
    this.#setStatus({ id: faceId, status });
    if (faceId === this.face?.id) this.face = { ...this.face, status, current };
    else this.attempt(() => this.recount());
    this.tell('status', { id: faceId, status });
  }

  /** Counts follow at once; the server's own come with the next refresh. */
  #setStatus({ id, status }) {
    if (id !== this.face?.id || status === this.face.status) return;
    const { num_faces: counts } = this.project;
    const changed = { [this.face.status]: counts[this.face.status] - 1, [status]: counts[status] + 1 };
    this.project = { ...this.project, num_faces: { ...counts, ...changed } };
    this.tell('projects');
  }

  /** The counts as they are now. */
  async recount() {
    const fresh = await this.api.project(this.project.id);
    if (fresh.id !== this.project.id) return;
    this.project = fresh;
    this.tell('projects');
  }
}
