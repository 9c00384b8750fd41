/** One export: where it stands and what can be done with it; opened, what is in it. */

import { askIn } from '../annotate/dialogs.js';
import { make } from '../painter/panels/dom.js';
import { createDetail } from './detail.js';
import { bytes, count, duration, moment } from './words.js';

const STATES = {
  queued: 'Waiting', running: 'Running', pausing: 'Pausing', stopping: 'Stopping', paused: 'Paused',
  cancelled: 'Cancelled', failed: 'Failed', unfinished: 'Unfinished', done: 'Done',
};

export class Item {
  #facts = null;
  #stamp = '';

  /** @param {import('./api.js').ExportApi} api @param {string} name */
  constructor(api, name, on) {
    Object.assign(this, { api, name, on });
    const button = (label, title, act) => make('button', { type: 'button', title, 'aria-label': `${label}: ${name}`, onclick: act }, label);
    const act = (what) => () => this.#attempt(() => api.act(name, what));
    this.state = make('span', { class: 'fl-ex-state' });
    this.facts = make('span', { class: 'fl-ex-facts' });
    this.opener = make('button', { type: 'button', class: 'fl-ex-opener', 'aria-expanded': 'false', onclick: () => this.#open(this.detail.element.hidden) }, name);
    this.pause = button('Pause', 'It ends at its next face; what is on disk stays, and it can go on later', act('pause'));
    this.cancel = button('Cancel', 'It ends; what is on disk stays until you delete it', act('cancel'));
    this.resume = button('Resume', 'It goes on from what is on disk', act('resume'));
    this.verify = button('Verify', 'Every file’s hash and every pixel is compared with what was written', act('verify'));
    this.remove = button('Delete', 'The folder and all that is in it', () => this.#remove());
    this.progress = make('progress', { 'aria-label': `Progress of ${name}` });
    this.doing = make('span', { class: 'fl-ex-doing' });
    this.line = make('div', { class: 'fl-ex-progress' }, this.progress, this.doing);
    this.trouble = make('p', { class: 'fl-ex-complaint', role: 'alert', hidden: true });
    this.check = make('p', { class: 'fl-ex-check-says', hidden: true });
    this.detail = createDetail(api, name, on);
    const actions = make('div', { class: 'fl-ex-actions' }, this.pause, this.resume, this.cancel, this.verify, this.remove);
    this.element = make('li', { class: 'fl-ex-item', 'data-name': name }, make('div', { class: 'fl-ex-item-head' }, this.opener, this.state, this.facts, actions), this.line, this.trouble, this.check, this.detail.element);
  }

  show(facts, maxZip) {
    const stamp = JSON.stringify(facts);
    if (stamp === this.#stamp) return;
    const isOther = this.#facts && (this.#facts.state !== facts.state);
    [this.#facts, this.#stamp] = [facts, stamp];
    const { state, check } = facts;
    const isChecking = check && ['queued', 'running'].includes(check.state);
    this.element.dataset.state = state;
    this.state.textContent = STATES[state] ?? state;
    this.facts.textContent = summary(facts);
    this.facts.title = facts.path;
    this.pause.hidden = state !== 'running';
    this.cancel.hidden = !['queued', 'running', 'pausing'].includes(state) && !isChecking;
    this.resume.hidden = !facts.can_resume;
    this.verify.hidden = state !== 'done' || isChecking;
    this.remove.hidden = facts.is_alive || isChecking;
    this.#showProgress(facts, isChecking);
    this.trouble.textContent = facts.error;
    this.trouble.hidden = !facts.error;
    this.#showCheck(check, isChecking);
    this.detail.show(facts, maxZip, isOther);
  }

  #showProgress({ state, is_alive: isAlive, place, done, doing, count: whole, check }, isChecking) {
    this.line.hidden = !isAlive && !isChecking;
    if (this.line.hidden) return;
    const at = isChecking ? check : { done, total: whole, doing, place, state };
    if (at.state === 'queued') {
      this.progress.removeAttribute('value');
      this.progress.hidden = true;
      this.doing.textContent = at.place ? `${count(at.place, 'job')} before it` : 'Next';
      return;
    }
    this.progress.hidden = false;
    if (at.total) [this.progress.max, this.progress.value] = [at.total, Math.min(at.done, at.total)];
    const words = at.doing || 'getting ready';
    this.doing.textContent = at.done ? `${at.done.toLocaleString('en')} of ${at.total.toLocaleString('en')} · ${words}` : `${words.charAt(0).toUpperCase()}${words.slice(1)} …`;
  }

  #showCheck(check, isChecking) {
    this.check.hidden = !check || isChecking || check.state === 'cancelled';
    if (this.check.hidden) return;
    const { result, error, finished_at: when } = check;
    const isWhole = result?.is_whole;
    this.check.dataset.tone = isWhole ? 'good' : 'bad';
    const told = isWhole
      ? `Verified ${moment(when)}: whole, ${count(result.files, 'file')} compared and ${count(result.faces, 'face')} read back.`
      : result ? `Verified ${moment(when)}: ${count(result.num_problems, 'problem')}. ${result.problems.slice(0, 3).join(' ')}` : error;
    this.check.textContent = told;
  }

  #open(isOpen) {
    this.opener.setAttribute('aria-expanded', isOpen);
    this.detail.open(isOpen);
  }

  async #attempt(act) {
    try {
      await act();
      this.on.clear();
    } catch (error) {
      this.on.trouble(error);
    }
    this.on.changed();
  }

  #remove() {
    const { faces, bytes: size } = this.#facts;
    return askIn(this.on.host, {
      title: `Delete ${this.name}?`,
      text: faces ? `${count(faces, 'face')}, ${bytes(size)}, are deleted from the disk. This cannot be undone.` : 'Nothing has been written yet.',
      fields: [],
      ok: 'Delete',
      accept: () => this.api.remove(this.name),
    }).then((isDone) => isDone && this.on.changed());
  }
}

function summary({ state, faces, count: whole, size, formats, bytes: written, seconds, created_at: when, person }) {
  const told = [
    state === 'done' || !faces ? count(whole, 'face') : `${faces.toLocaleString('en')} of ${count(whole, 'face')}`,
    `${size} px`, formats.join(', '), written ? bytes(written) : '',
    state === 'done' && seconds ? `made in ${duration(seconds)}` : '', moment(when), person,
  ];
  return told.filter(Boolean).join(' · ');
}
