/** People's own sliders: the button that makes one, how far it is, and the menu of each. */

import { askIn } from '../../annotate/dialogs.js';
import { make } from '../../painter/panels/dom.js';
import { closeElsewhere } from '../actions.js';
import { openPicker } from './picker.js';

const NONE = 'Choose faces with something and faces without it, and get a slider for it.';

export class OwnSliders {
  #options = null;
  #making = null; // AbortController while one is measured
  #draft = newDraft();

  /**
   * @param {object} parts
   * @param {import('../api.js').ControlApi} parts.api
   * @param {import('../../annotate/strips.js').Strips} parts.strips
   * @param {HTMLElement} parts.host
   * @param {(name: string | null) => Promise<void>} parts.onChange sliders came or went; name: of a new one
   */
  constructor({ api, strips, host, onChange }) {
    Object.assign(this, { api, strips, host, onChange });
    this.button = make('button', { type: 'button', class: 'fl-co-make', onclick: () => this.open() }, 'Make a slider …');
    this.note = make('p', { class: 'fl-co-note' }, NONE);
    this.doing = make('span', {});
    this.bar = make('progress', { 'aria-label': 'Progress' });
    const cancel = make('button', { type: 'button', onclick: () => this.cancel() }, 'Cancel');
    this.progress = make('div', { class: 'fl-co-making', role: 'status', hidden: true }, this.doing, this.bar, cancel);
    this.element = make('div', { class: 'fl-co-own' }, this.note, this.progress, this.button);
  }

  setOptions(options) {
    this.#options = options;
    this.note.hidden = options.sliders.some(({ group }) => group === 'own');
  }

  async open() {
    const { host, api } = this;
    try {
      await openPicker({ host, base: api.base, options: this.#options, draft: this.#draft, begin: (wanted) => this.#begin(wanted) });
    } catch (error) {
      this.#say(error.message);
    }
  }

  cancel() {
    this.#making?.abort();
    this.api.stopSlider().catch(() => {}); // then it ends by itself
  }

  /** @param {object} slider @returns {HTMLElement} */
  createMenu(slider) {
    const act = (label, doIt) => make('button', { type: 'button', onclick: () => ((menu.open = false), doIt(slider)) }, label);
    const panel = make('div', { class: 'fl-co-menu-panel' }, act('Rename …', (it) => this.#rename(it)), act('Delete …', (it) => this.#delete(it)));
    const menu = make('details', { class: 'fl-co-menu fl-co-own-menu' }, make('summary', { title: 'Rename or delete', 'aria-label': `More about ${slider.title}` }, '⋯'), panel);
    closeElsewhere(menu);
    menu.addEventListener('toggle', () => menu.open && place(panel, menu));
    menu.addEventListener('dblclick', (event) => event.stopPropagation()); // of the slider it would be a reset
    return menu;
  }

  /** Resolves once it is accepted; measuring goes on behind. */
  async #begin(wanted) {
    if (this.#making) throw new Error('Another slider is being made. Wait for it, or cancel it.');
    const making = (this.#making = new AbortController());
    let frames;
    try {
      frames = await this.api.makeSlider(wanted, making.signal);
    } catch (error) {
      this.#making = null;
      throw error;
    }
    this.#show({ doing: `Measuring “${wanted.title}”`, done: 0, total: 0 });
    this.#follow(frames, wanted, making.signal);
  }

  async #follow(frames, { title }, signal) {
    let end = null;
    try {
      for await (const { facts } of frames) {
        if (facts.kind === 'step') this.#show(facts);
        else end = facts;
      }
    } catch {
      // It broke off, which is told below.
    }
    this.#making = null;
    this.progress.hidden = true;
    this.button.disabled = false;
    if (end?.kind === 'made') return this.#made(end.slider);
    if (signal.aborted || end?.kind === 'stopped') return this.strips.show('own', `“${title}” was given up; the marks are kept.`, { Close: () => {} }, { seconds: 6 });
    return this.#say(end?.error ?? `“${title}” was not made: the studio cannot be reached. The marks are kept; try again.`);
  }

  #show({ doing, done, total }) {
    this.progress.hidden = false;
    this.button.disabled = true;
    this.doing.textContent = `${doing} …`;
    if (total) Object.assign(this.bar, { max: total, value: done });
    else this.bar.removeAttribute('value');
  }

  async #made({ name, title, about }) {
    this.#draft = { ...newDraft(), project: this.#draft.project };
    await this.onChange(name);
    this.strips.show('own', `“${title}” is among your sliders. ${about}`, { Close: () => {} }, { seconds: 30 });
  }

  async #rename({ name, title }) {
    const input = make('input', { name: 'title', required: true, maxlength: 60, autocomplete: 'off', spellcheck: 'false' });
    input.value = title;
    const isDone = await askIn(this.host, {
      title: 'Rename the slider',
      text: `Links and commands go on calling it ${name}.`,
      fields: [make('label', {}, 'Name', input)],
      ok: 'Rename',
      accept: () => this.api.renameSlider(name, input.value.trim(), this.#options.generator),
    });
    if (isDone) await this.onChange(name);
  }

  async #delete({ name, title }) {
    const isDone = await askIn(this.host, {
      title: `Delete “${title}”?`,
      text: 'Its file goes for good. Links that use it will show the face without it.',
      fields: [],
      ok: 'Delete',
      accept: () => this.api.deleteSlider(name, this.#options.generator),
    });
    if (isDone) await this.onChange(null);
  }

  #say(text) {
    this.strips.show('own', text, { Close: () => {} }, { tone: 'bad' });
  }
}

function newDraft() {
  return { project: null, marks: new Map(), title: '', part: 'all', hold: new Set() };
}

/** Over everything, since the list of sliders would cut it off. */
function place(panel, menu) {
  const { right, bottom, top } = menu.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  panel.style.left = `${right - width}px`;
  panel.style.top = `${bottom + height + 6 > window.innerHeight ? top - height - 4 : bottom + 4}px`;
}
