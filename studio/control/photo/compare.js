/** The aligned photo over the picture, up to a line that is dragged: how like it is. */

import { make } from '../../painter/panels/dom.js';

/** @param {HTMLElement} face the element of the picture */
export function createCompare(face) {
  const photo = make('img', { class: 'fl-co-compare-photo', alt: 'The photo', draggable: 'false' });
  const range = make('input', { type: 'range', class: 'fl-co-compare-range', min: 0, max: 100, step: 0.5, value: 50, 'aria-label': 'How much of the photo is shown, from the left' });
  const line = make('i', { class: 'fl-co-compare-line', 'aria-hidden': 'true' });
  const badge = make('span', { class: 'fl-co-badge' }, 'Photo');
  const element = make('div', { class: 'fl-co-compare', hidden: true }, photo, line, badge, range);
  const button = make('button', { type: 'button', hidden: true, title: 'The photo beside the face, up to a line that you drag (C)', 'aria-keyshortcuts': 'c', 'aria-pressed': 'false', onclick: () => toggle() }, 'Compare');
  const show = () => element.style.setProperty('--shown', `${range.value}%`);
  range.addEventListener('input', show);
  show();
  face.append(element);

  const set = (isOn) => {
    element.hidden = !isOn;
    button.setAttribute('aria-pressed', isOn);
    if (isOn) range.focus();
  };
  const toggle = () => button.hidden || set(element.hidden);
  /** @param {string} url of the aligned photo; '' where there is none */
  const setPhoto = (url) => {
    button.hidden = !url;
    if (!url) set(false);
    else if (photo.src !== url) photo.src = url;
  };
  return { button, toggle, setPhoto };
}
