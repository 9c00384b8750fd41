/**
 * The Annotate tab: projects and faces at the left, the painter or the review beside them.
 * Everything that people share is on the server (api.js); work.js holds what is open here.
 */

import { make } from '../painter/panels/dom.js';
import { claimTabName } from '../painter/identity.js';
import { Api } from './api.js';
import { Assist } from './assist/assist.js';
import { createAssistBar, createSwitch } from './assist/bar.js';
import { Company } from './company.js';
import { Easel } from './easel.js';
import { createEmpty, showTab } from './empty.js';
import { createHistory } from './history.js';
import { HELP, listenToKeys } from './keys.js';
import { fromHash, Memory } from './memory.js';
import { Person } from './person.js';
import { Presence } from './presence.js';
import { Reach } from './reach.js';
import { Reviewing } from './reviewing.js';
import { createSidebar, newProject } from './sidebar.js';
import { Strips } from './strips.js';
import { createTopline } from './topline.js';
import { Work } from './work.js';

const HINTED = 'faceloom.hinted';
const FOLDED = 'faceloom.folded';
const AWAY = 'The studio cannot be reached; your work is kept on this computer. Trying again …';
const HINT = 'Choose a class at the right, paint with B; ? shows all keys.';

class Annotate {
  #isStarted = false;
  #asked = null; // answers under way that the start needs
  #claim = null; // of this browser tab's name
  #isShown = false;

  constructor(root, base) {
    this.root = root;
    this.api = new Api(base, '');
    this.work = new Work(this.api, new Memory());
    this.strips = new Strips();
    this.person = new Person(root, this.api);
    this.reach = new Reach(this.api, { onAway: () => this.#away(), onBack: () => this.#back() });
    this.presence = new Presence(this.api, {
      onAnswer: (faceId, answer) => this.#heard(faceId, answer),
      onTrouble: (error) => this.#trouble(error),
    });
    this.#build();
    this.work.listen((what, detail) => this.#changed(what, detail));
    this.#watchPage();
  }

  #build() {
    const { root, work, api, strips, person } = this;
    this.assist = new Assist({ api, work });
    this.easel = new Easel({
      api,
      work,
      help: HELP,
      onSave: (state) => this.#saveChanged(state),
      onPainter: (painter) => this.assist.attach(painter),
    });
    this.company = new Company({ work, api, strips, easel: this.easel });
    this.stage = make('div', { class: 'fl-an-stage' }, this.easel.element, createEmpty(work, () => newProject(work, root)), strips.element);
    this.reviewing = new Reviewing({ work, api, strips, host: this.stage });
    const verbs = {
      toggleList: () => this.#fold(!root.classList.contains('fl-an-folded')),
      showStatistics: () => work.attempt(() => this.reviewing.showStatistics()),
      showExchange: () => work.attempt(() => this.reviewing.showExchange()),
      reviewKeys: (event) => this.reviewing.keys(event),
    };
    const line = createTopline({ work, company: this.company, live: createSwitch(this.assist), history: createHistory(work, api, this.easel), verbs });
    root.classList.add('fl-annotate');
    root.replaceChildren(
      createSidebar({ work, api, host: root, person: person.element }),
      make('div', { class: 'fl-an-main' }, line, createAssistBar(this.assist), this.stage),
    );
    this.#fold(localStorage.getItem(FOLDED) === 'yes');
    listenToKeys(root, work, verbs);
    this.#returnFocus();
  }

  #fold(isFolded) {
    this.root.classList.toggle('fl-an-folded', isFolded);
    localStorage.setItem(FOLDED, isFolded ? 'yes' : 'no');
  }

  /** After a click with the mouse, keys go on meaning the painter. */
  #returnFocus() {
    this.root.addEventListener('click', (event) => {
      const isOurs = event.target.closest('.fl-an-line button, .fl-an-live-bar button, .fl-an-side button, .fl-an-list, .fl-an-strip button');
      if (event.detail > 0 && isOurs && !document.querySelector('dialog[open]')) this.easel.focus();
    });
    this.root.addEventListener('change', (event) => event.target.matches('.fl-an-project select') && this.easel.focus());
  }

  /** The tab starts when it is first seen: nobody is asked for a name on another tab. */
  #watchPage() {
    new ResizeObserver(() => this.#seen(Boolean(this.root.offsetParent))).observe(this.root);
    const show = () => (this.root.dataset.theme = document.body.classList.contains('dark') ? 'dark' : 'light');
    new MutationObserver(show).observe(document.body, { attributeFilter: ['class'] });
    show();
    document.addEventListener('visibilitychange', () => !document.hidden && this.#isShown && this.#refresh());
    window.addEventListener('hashchange', () => this.#follow(fromHash()));
  }

  #seen(isShown) {
    if (isShown === this.#isShown) return;
    this.#isShown = isShown;
    this.work.memory.setShown(isShown);
    if (isShown && this.#isStarted) this.#refresh();
    if (isShown && !this.#isStarted) this.#start();
  }

  /** Gets ready what will probably be shown first. Nobody is asked for a name. */
  async prepare() {
    this.work.expect();
    await this.#claimTab();
    const { projects } = await this.api.projects();
    const first = this.work.memory.projectAmong(projects);
    if (!this.#isStarted) this.easel.prepare(projects.find(({ id }) => id === first) ?? null);
  }

  /** Takes the place of an empty element of the page. What the start needs is asked for all at once. */
  moveIn(place) {
    this.work.memory.asked = fromHash();
    this.#asked = this.#ask();
    this.work.expect();
    place.replaceWith(this.root);
  }

  #ask() {
    const asked = { me: this.api.me(), projects: this.api.projects() };
    for (const answer of Object.values(asked)) answer.catch(() => {}); // told by the start
    return asked;
  }

  async #start() {
    this.#isStarted = true;
    await this.work.attempt(async () => {
      const { me, projects } = this.#asked ?? this.#ask();
      this.#asked = null;
      await this.#claimTab();
      const wasAsked = await this.person.introduce(await me);
      if (wasAsked) this.work.expect(); // what was answered before that may be old
      await this.work.begin((await projects).projects);
    });
  }

  /** Once: a second claim would find the name taken. */
  async #claimTab() {
    this.#claim ??= claimTabName();
    this.api.tab = await this.#claim;
  }

  #refresh() {
    this.work.attempt(() => (this.api.person ? this.work.refresh() : this.#start()));
    this.presence.beat();
  }

  /** @param {{face?: number, project?: number}} asked by a link on this page */
  #follow({ face, project }) {
    if (!this.#isStarted || !(face || project)) return;
    showTab('annotate');
    if (face !== undefined) this.work.attempt(() => this.work.openLinked(face));
    else this.work.attempt(() => this.work.refresh().then(() => project !== this.work.project?.id && this.work.choose(project)));
  }

  #changed(what, detail) {
    if (what === 'project') this.#projectChanged();
    if (what === 'face' || what === 'mode') this.#showFace();
    if (what === 'expected') this.easel.bridge.warm(detail);
    if (what === 'note') this.strips.show('note', detail, {}, { seconds: 4 });
    if (what === 'trouble') this.#trouble(detail);
  }

  #projectChanged() {
    this.easel.setProject(this.work.project);
    this.root.classList.toggle('fl-an-nothing', !this.work.project);
  }

  #showFace() {
    const { face, mode } = this.work;
    const isPainting = mode === 'paint';
    this.root.dataset.mode = mode;
    this.presence.hold(isPainting ? (face?.id ?? null) : null);
    this.easel.open(isPainting ? face : null);
    if (isPainting) this.reviewing.hide();
    else this.work.attempt(() => this.reviewing.show());
    if (isPainting && face && localStorage.getItem(HINTED) !== 'yes') this.strips.show('hint', HINT, { 'Got it': () => this.#hinted() });
    else this.strips.hide('hint');
  }

  #hinted() {
    this.strips.hide('hint');
    localStorage.setItem(HINTED, 'yes');
  }

  #saveChanged(state) {
    if (state.phase === 'waiting') this.#hinted(); // painted without being told how
    if (state.phase === 'offline') this.reach.lost();
  }

  #heard(faceId, answer) {
    this.work.attempt(async () => {
      await this.company.answered(faceId, answer);
      await this.work.recount();
    });
  }

  /** A request failed. No answer is a matter of its own; it is asked again until there is one. */
  #trouble(error) {
    if (error.status === 0) return this.reach.lost();
    if (error.code === 'no_person') return this.#nobody(error);
    return this.strips.show('trouble', error.message, { Close: () => {} }, { tone: 'bad' });
  }

  /** Signed out meanwhile, or the name got lost. */
  #nobody(error) {
    if (!this.person.isSignedIn) return this.work.attempt(async () => this.person.introduce(await this.api.me()));
    const again = () => window.location.reload();
    return this.strips.show('trouble', `${error.message} Your work is kept on this computer.`, { 'Sign in': again }, { tone: 'warn' });
  }

  #away() {
    this.strips.show('away', AWAY, {}, { tone: 'warn' });
  }

  #back() {
    this.strips.hide('away');
    if (this.#isShown) this.#refresh();
    if (this.work.mode === 'paint') this.easel.resume(this.work.face);
  }
}

let built = null; // there is one tab in a page; it may be built before it is opened

/** Builds the tab ahead, while nobody waits for it. @param {{base: string}} options as for createAnnotate */
export async function prepareAnnotate({ base }) {
  if (built) return;
  built = new Annotate(make('div', {}), base);
  await built.prepare();
}

/**
 * @param {HTMLElement} place an empty element of the page; the tab takes its place
 * @param {{base: string}} options address of the page, ends with '/'
 * @returns {Annotate} with `work` (project, filter, face), `easel.painter`, `api`; it is the property
 *   `annotate` of its element, too
 */
export function createAnnotate(place, { base }) {
  built ??= new Annotate(make('div', {}), base);
  built.root.annotate = built;
  built.moveIn(place);
  return built;
}
