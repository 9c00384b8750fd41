/** One opened face: its map, its history, its regions. All changes to the map go through here. */

import { History } from './history.js';
import { ALLOW_ALL, UNLABELLED } from './labelmap.js';
import { allowTable } from './protect.js';

export class Desk {
  isReadOnly = false;
  regionsNote = ''; // why there are no regions, if there are none

  /**
   * @param {object} parts
   * @param {import('./labelmap.js').LabelMap} parts.map
   * @param {import('./superpixels.js').Superpixels} parts.superpixels
   * @param {import('./settings.js').Settings} parts.settings
   * @param {() => void} parts.onChange something has to be drawn
   * @param {() => void} parts.onCommit the map differs from what was saved
   * @param {() => void} parts.onRefused a gesture ended and nothing changed
   */
  constructor({ map, superpixels, settings, onChange, onCommit, onRefused }) {
    Object.assign(this, { map, superpixels, settings, onChange, onCommit, onRefused });
    this.history = new History();
  }

  /** Starts a gesture. @returns {boolean} false: nothing may be painted now */
  begin() {
    if (this.isReadOnly || this.map.isInGesture) return false;
    this.allow = allowTable(this.settings.get('locked'), this.settings.get('onlyOn'));
    this.map.begin();
    return true;
  }

  /** Paints within a gesture, as far as locks and 'paint only on' permit. */
  paint(spans, id) {
    this.map.paint(spans, id, this.allow);
    this.onChange();
  }

  /** Takes another map over where a tool goes, as far as locks and 'paint only on' permit. */
  copy(spans, ids) {
    this.map.copy(spans, ids, this.allow);
    this.onChange();
  }

  /** Ends the gesture: one step of undo. */
  commit() {
    if (!this.map.isInGesture) return;
    const edit = this.map.end();
    if (!edit) return this.onRefused();
    this.history.push(edit);
    this.onChange();
    this.onCommit();
  }

  /** Gives the gesture up: the map is as before. */
  cancel() {
    if (!this.map.isInGesture) return;
    this.map.cancel();
    this.onChange();
  }

  /** A gesture in one go. */
  paintOnce(spans, id) {
    if (!this.begin()) return;
    this.paint(spans, id);
    this.commit();
  }

  /**
   * Takes over another map as one gesture.
   * @param {Uint8Array} ids [height * width]
   * @param {{classId?: number | null, isForced?: boolean}} how one class only; locks left aside
   */
  replace(ids, { classId = null, isForced = false } = {}) {
    if (ids.length !== this.map.ids.length) {
      throw new Error(
        `The other map has ${ids.length} pixels, this face has ${this.map.width} x ` +
          `${this.map.height} = ${this.map.ids.length}. Nothing was copied.`,
      );
    }
    if (!this.begin()) return;
    this.map.replace(ids, isForced ? ALLOW_ALL : this.allow, classId);
    this.commit();
  }

  /**
   * Takes another map over where nothing is painted yet; locks do not matter there.
   * @param {Uint8Array} ids [height * width] @param {number | null} classId this class only
   */
  fill(ids, classId = null) {
    if (!this.begin()) return;
    this.map.replace(ids, allowTable(new Set(), UNLABELLED), classId);
    this.commit();
  }

  undo() {
    this.#step((history) => history.undo(this.map));
  }

  redo() {
    this.#step((history) => history.redo(this.map));
  }

  #step(take) {
    if (this.isReadOnly || this.map.isInGesture || !take(this.history)) return;
    this.onChange();
    this.onCommit();
  }
}
