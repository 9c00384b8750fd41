/** What tools, pointer, keys and panels share: the state of the painter and its verbs. */

import { UNLABELLED } from './labelmap.js';
import { Prediction } from './prediction.js';
import { explain } from './protect.js';
import { withoutHoles, withoutSpecks } from './regions.js';
import { createTools } from './tools/index.js';
import { View } from './view.js';

const TOOLS_WITHOUT_CLASS = ['eraser', 'pick', 'accept'];

export class Studio {
  view = new View();
  session = null; // the opened face
  prediction = new Prediction();
  assist = null; // who predicts: {toggle(), toggleUncertainty(), suggest()}; null: nobody
  readOnlyReason = 'Read only';
  isSpaceDown = false;
  isControlDown = false;
  paintTool = 'brush'; // the last tool in hand that paints a class
  onDone = () => {}; // (isSafe, faceId) after 'done' was saved, or could not be yet
  #listeners = [];

  /** @param {object} scheme see painter.js @param {import('./settings.js').Settings} settings */
  constructor(scheme, settings) {
    this.scheme = scheme;
    this.settings = settings;
    this.names = new Map(scheme.classes.map(({ id, name }) => [id, name]));
    this.background = scheme.classes.find(({ name }) => name === 'background')?.id ?? scheme.classes[0].id;
    this.tools = createTools(this);
    let inHand = this.tool;
    settings.watch(['tool'], () => {
      this.pointer?.finish();
      inHand.cancel();
      inHand = this.tool;
      this.prediction.isEverywhere = inHand.id === 'accept';
      if (!TOOLS_WITHOUT_CLASS.includes(inHand.id)) this.paintTool = inHand.id;
    });
  }

  get desk() {
    return this.session?.desk ?? null;
  }

  get tool() {
    return this.tools[this.settings.get('tool')];
  }

  /** The person cannot paint: no face, read-only, or a question has to be answered first. */
  get isReadOnly() {
    return this.desk?.isReadOnly ?? true;
  }

  nameOf(id) {
    return id === UNLABELLED ? 'not labelled' : (this.names.get(id) ?? `unknown class ${id}`);
  }

  /** '#rrggbb' of a class; transparent for what has no colour. */
  colourOf(id) {
    return this.scheme.classes.find((each) => each.id === id)?.color ?? 'transparent';
  }

  /** Calls `update(what)` on 'view', 'pointer', 'map', 'face', 'save' or 'space'. */
  listen(update) {
    this.#listeners.push(update);
  }

  tell(what) {
    for (const update of this.#listeners) update(what);
  }

  redraw() {
    this.tell('pointer');
  }

  pointerMoved() {
    this.tell('pointer');
  }

  viewChanged() {
    this.tell('view');
  }

  setSpace(isDown) {
    this.isSpaceDown = isDown;
    this.tell('space');
  }

  selectClass(id) {
    if (this.settings.get('tool') === 'eraser') this.settings.set('tool', this.paintTool);
    if (id !== this.background) this.settings.set('lastClassId', id);
    this.settings.set('classId', id);
    this.redraw();
  }

  /** From the picker: an id that the scheme does not have cannot be painted. */
  pickClass(id) {
    if (this.names.has(id)) this.selectClass(id);
  }

  swapClass() {
    const isBackground = this.settings.get('classId') === this.background;
    this.selectClass(isBackground ? this.settings.get('lastClassId') : this.background);
  }

  /** Brush size, or level of the smart brush. @param {number} sign -1 or 1 @param {number} steps */
  resizeTool(sign, steps = 0) {
    const { settings } = this;
    if (settings.get('tool') === 'smart') {
      const finest = Math.max(0, (this.desk?.superpixels.count ?? 1) - 1);
      settings.set('level', Math.min(finest, Math.max(0, settings.get('level') + sign)));
    } else if (settings.size !== null) {
      settings.size += sign * (steps || Math.max(1, Math.round(settings.size * 0.1)));
    }
    this.redraw();
  }

  undo() {
    if (!this.pointer.isBusy) this.desk?.undo();
  }

  redo() {
    if (!this.pointer.isBusy) this.desk?.redo();
  }

  /** Gives the gesture under way up. */
  cancel() {
    this.tool.cancel();
    this.pointer.ignoreRest();
    this.redraw();
  }

  fit() {
    const { view } = this;
    const { last } = this.pointer;
    if (view.isFitted) view.zoomAt(last?.screenX ?? view.width / 2, last?.screenY ?? view.height / 2, 1);
    else view.fit();
    this.viewChanged();
  }

  /** @param {'specks' | 'holes'} what @param {number | null} classId null: all classes */
  clean(what, classId) {
    if (!this.desk) return;
    const { ids, width, height } = this.desk.map;
    const cleaned = { specks: withoutSpecks, holes: withoutHoles }[what];
    this.desk.replace(cleaned(ids, width, height, this.settings.get('cleanSize'), classId));
  }

  /** Takes the prediction over where nothing is painted. @param {boolean} isOneClass the one in hand */
  accept(isOneClass) {
    if (this.isReadOnly || this.pointer.isBusy || !this.prediction.isOffered) return;
    if (!this.prediction.ids) return this.say('There is no prediction yet.');
    this.desk.fill(this.prediction.ids, isOneClass ? this.settings.get('classId') : null);
  }

  /** @param {string | null} status see Saver.flush */
  async save(status = null) {
    if (!this.session || this.isReadOnly) return false;
    return this.session.secure(status);
  }

  /** The person is done with the face. */
  async finish() {
    if (!this.session || this.isReadOnly) return;
    const { faceId } = this.session;
    this.onDone(await this.save('done'), faceId);
  }

  /** Why a gesture left the map as it was. */
  refusal() {
    return explain(this.settings.get('locked'), this.settings.get('onlyOn'), (id) => this.nameOf(id));
  }
}
