/**
 * Live learning on the open face: asks for a prediction when something was painted, and shows the
 * latest. The prediction before stays on screen until then; answers out of order are dropped.
 */

import { UNLABELLED } from '../../painter/labelmap.js';
import { encodePng } from '../../painter/png.js';
import { faceIdOf } from '../bridge.js';
import { readAnswer } from './answer.js';

const IS_ON = 'faceloom.live';
const SHOWS_UNCERTAINTY = 'faceloom.live.uncertainty';
const PAUSE = 30; // ms without another change before a prediction is asked for
const AGAIN = 1500; // ms until faces that were not looked at yet are asked for again
const PREPARE = 1200; // ms after a prediction, before the next face is looked at ahead

export class Assist {
  studio = null; // of the painter on screen
  state = 'idle'; // or 'working', 'ready', 'waiting' (for strokes), 'off' (not on this face), 'failed'
  text = '';
  isSuggesting = false;
  #listeners = [];
  #sequence = Date.now(); // of the latest request; counts on when the page is loaded again
  #asked = null; // {session, ids}: what the latest request, or its answer, is about
  #timer = null;
  #prepared = null; // session whose next face was looked at
  #offFor = null; // session that live learning is off for

  /**
   * @param {object} parts
   * @param {import('../api.js').Api} parts.api
   * @param {import('../work.js').Work} parts.work
   */
  constructor({ api, work }) {
    Object.assign(this, { api, work });
    this.isOn = recalled(IS_ON);
  }

  listen(update) {
    this.#listeners.push(update);
    update();
  }

  #tell() {
    for (const update of this.#listeners) update();
  }

  #say(state, text) {
    Object.assign(this, { state, text });
    this.#tell();
  }

  /** A new painter is on screen. */
  attach({ studio }) {
    this.studio = studio;
    this.#asked = null;
    studio.assist = this;
    studio.prediction.showUncertainty(recalled(SHOWS_UNCERTAINTY));
    studio.listen((what) => studio === this.studio && ['face', 'map'].includes(what) && this.#changed());
    studio.settings.watch(['tool', 'classId'], () => this.#tell());
    this.#changed();
  }

  toggle() {
    this.isOn = !this.isOn;
    keep(IS_ON, this.isOn);
    this.#asked = null;
    this.#offFor = null;
    this.#sequence++;
    if (!this.isOn) this.#stop();
    this.#tell();
    this.#changed();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.studio?.prediction.clear();
    const { settings } = this.studio ?? {};
    if (settings?.get('tool') === 'accept') settings.set('tool', 'brush');
  }

  toggleUncertainty() {
    if (!this.isOn || !this.studio) return;
    const { prediction } = this.studio;
    prediction.showUncertainty(!prediction.isUncertaintyShown);
    keep(SHOWS_UNCERTAINTY, prediction.isUncertaintyShown);
    this.#tell();
  }

  takeBrush() {
    this.studio.settings.set('tool', 'accept');
  }

  /** Is the map another one than the latest request was about? */
  #changed() {
    const session = this.studio?.session;
    if (!this.isOn || !session) return this.#tell();
    if (this.#offFor === session || session.map.isInGesture || this.#isAsked(session)) return this.#tell();
    if (this.#asked?.session !== session) this.#say('working', 'Looking at this face …');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(session), PAUSE);
    return undefined;
  }

  #isAsked({ map }) {
    const { session, ids } = this.#asked ?? {};
    return session === this.studio.session && ids.every((id, i) => id === map.ids[i]);
  }

  async #ask(session) {
    if (session !== this.studio?.session || session.map.isInGesture || !this.isOn) return;
    const sequence = ++this.#sequence;
    const isLatest = () => sequence === this.#sequence && session === this.studio?.session;
    const { ids, width, height, counts } = session.map;
    this.#asked = { session, ids: ids.slice() };
    this.#say('working', this.text);
    try {
      const isEmpty = counts[UNLABELLED] === ids.length;
      const png = isEmpty ? new Uint8Array(0) : await encodePng(this.#asked.ids, width, height);
      const bytes = await this.api.predict(faceIdOf(session.faceId), png, sequence);
      const answer = bytes && (await readAnswer(bytes));
      if (answer && isLatest()) this.#take(answer, session);
    } catch (error) {
      if (isLatest()) this.#failed(error);
    }
  }

  #take({ facts, labels, uncertainty }, session) {
    const { prediction } = this.studio;
    if (facts.is_off) this.#offFor = session;
    if (labels) prediction.set(labels.ids, uncertainty);
    else prediction.clear();
    if (facts.is_off) this.#say('off', facts.needs);
    else if (!labels) this.#say('waiting', facts.needs);
    else this.#say('ready', describe(facts, session.map));
    if (facts.num_painted < facts.num_finished && !facts.is_off) this.#askAgain(session);
    else if (!facts.is_off) this.#prepareNext(session);
  }

  /** More painted faces can be learned from than there was time for. */
  #askAgain(session) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(session), AGAIN);
  }

  async #prepareNext(session) {
    if (this.#prepared === session) return;
    this.#prepared = session;
    await new Promise((resolve) => setTimeout(resolve, PREPARE));
    if (session !== this.studio?.session || !this.isOn) return;
    const next = await this.work.following().catch(() => null); // it is only to be quicker
    if (next) this.api.prepareLive(next.id).catch(() => {});
  }

  #failed(error) {
    this.#asked = null;
    this.#say('failed', `No prediction: ${error.message}`);
  }

  /** Opens the face that teaches most. */
  async suggest() {
    const { face, project } = this.work;
    if (!this.isOn || !project || this.isSuggesting) return;
    this.isSuggesting = true;
    this.#tell();
    await this.work.attempt(async () => {
      const { faces } = await this.api.suggestion(project.id, face?.id ?? null);
      if (this.work.project?.id !== project.id || this.work.face?.id !== face?.id) return;
      if (faces.length) await this.work.open(faces[0]);
      else this.work.tell('note', 'There is no other face to paint here: all are done, or open elsewhere.');
    });
    this.isSuggesting = false;
    this.#tell();
  }
}

/** From what it was predicted, in words. */
function describe(facts, map) {
  const sources = [];
  if (facts.is_segmenter_used) sources.push('the segmenter');
  if (facts.num_finished) {
    const count = facts.num_painted < facts.num_finished ? `${facts.num_painted} of ${facts.num_finished}` : facts.num_painted;
    sources.push(`${count} painted face${facts.num_finished === 1 ? '' : 's'}`);
  }
  if (map.counts[UNLABELLED] < map.ids.length) sources.push('your strokes');
  return `Predicted from ${sources.join(', ').replace(/, ([^,]*)$/, ' and $1')}`;
}

function recalled(key) {
  try {
    return localStorage.getItem(key) === 'yes';
  } catch {
    return false;
  }
}

function keep(key, isSo) {
  try {
    localStorage.setItem(key, isSo ? 'yes' : 'no');
  } catch {
    // It lasts until the page is closed.
  }
}
