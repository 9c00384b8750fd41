/** Above the picture: how the mask is shown, and what the face was before. */

import { make } from '../painter/panels/dom.js';
import { MODES } from './look.js';
import { createTrack, fill } from './slider.js';

const NAMES = { over: 'Over', beside: 'Beside', off: 'Off' };

/**
 * @param {import('./look.js').Look} look
 * @param {(isHeld: boolean) => void} holdBefore
 */
export function createViewBar(look, holdBefore) {
  const buttons = MODES.map((mode) => make('button', { type: 'button', 'data-mode': mode, title: `Mask ${NAMES[mode].toLowerCase()}${mode === 'off' ? '' : ' the picture'} (M turns it on and off)`, onclick: () => look.set({ mode }) }, NAMES[mode]));
  const group = make('div', { class: 'fl-an-live-group', role: 'group', 'aria-label': 'Mask' }, ...buttons);
  const opacity = make('input', { type: 'range', class: 'fl-co-range', min: 0.05, max: 1, step: 0.05, 'aria-label': 'Opacity of the mask', title: 'Opacity of the mask' });
  opacity.addEventListener('input', () => look.set({ opacity: Number(opacity.value) }));
  const track = createTrack(opacity);
  track.classList.add('fl-co-opacity');
  const before = make('button', { type: 'button', class: 'fl-co-hold', title: 'While it is held down: the face as it was drawn (B)', 'aria-keyshortcuts': 'b', 'aria-pressed': 'false' }, 'Hold: before');
  before.addEventListener('pointerdown', (event) => {
    before.setPointerCapture(event.pointerId);
    holdBefore(true);
  });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture', 'blur']) before.addEventListener(end, () => holdBefore(false));
  before.addEventListener('keydown', (event) => [' ', 'Enter'].includes(event.key) && (event.preventDefault(), holdBefore(true)));
  before.addEventListener('keyup', (event) => [' ', 'Enter'].includes(event.key) && holdBefore(false));
  const note = make('span', { class: 'fl-co-quiet', hidden: true });
  const element = make('div', { class: 'fl-co-bar' }, make('span', { class: 'fl-co-quiet' }, 'Mask'), group, track, note, make('span', { class: 'fl-an-space' }), before);
  let hasMasks = true;
  const update = () => {
    for (const button of buttons) {
      button.setAttribute('aria-pressed', button.dataset.mode === look.mode);
      button.disabled = !hasMasks;
    }
    opacity.value = look.opacity;
    fill(track, 0, (look.opacity - 0.05) / 0.95);
    track.hidden = look.mode !== 'over' || !hasMasks;
  };
  look.listen(update);
  update();
  /** @param {string} why there are none; '' where there are */
  const setMasks = (why) => {
    hasMasks = !why;
    note.hidden = hasMasks;
    note.textContent = note.title = why;
    update();
  };
  const showHeld = (isHeld) => before.setAttribute('aria-pressed', isHeld);
  return { element, setMasks, showHeld };
}
