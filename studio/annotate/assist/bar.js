/** The line of live learning: what is known, what can be taken over, where and what to paint next. */

import { make } from '../../painter/panels/dom.js';

/** The button that turns it on, for the line above. @param {import('./assist.js').Assist} assist */
export function createSwitch(assist) {
  const title = 'Live learning: a prediction of the whole face while you paint (7)';
  const button = make('button', { type: 'button', class: 'fl-an-live', title, onclick: () => assist.toggle() }, 'Live');
  assist.listen(() => {
    button.setAttribute('aria-pressed', assist.isOn);
    button.dataset.state = assist.isOn ? assist.state : 'off';
  });
  return button;
}

/** @param {import('./assist.js').Assist} assist */
export function createAssistBar(assist) {
  const button = (label, title, onclick) => make('button', { type: 'button', title, onclick }, label);
  const text = make('span', { class: 'fl-an-live-text', role: 'status', 'aria-live': 'polite' });
  const all = button('Accept all', 'Into every pixel that is not painted (Y)', () => assist.studio?.accept(false));
  const swatch = make('span', { class: 'fl-an-live-swatch' });
  const name = make('span', { class: 'fl-an-live-class' });
  const one = button('', '', () => assist.studio?.accept(true));
  one.append('Accept ', swatch, name);
  const here = button('Accept here', 'A brush that paints what is predicted where it goes (Z)', () => assist.takeBrush());
  const doubt = button('Uncertainty', 'Yellow: paint here next (8)', () => assist.toggleUncertainty());
  const next = button('Suggest next', 'Open the face that teaches most: uncertain, and unlike those painted (9)', () => assist.suggest());
  const takeOver = make('div', { class: 'fl-an-live-group', role: 'group', 'aria-label': 'Take the prediction over' }, all, one, here);
  const element = make('div', { class: 'fl-an-live-bar fl-an-box', role: 'toolbar', 'aria-label': 'Live learning', hidden: true }, text, takeOver, doubt, next);
  const update = () => {
    const { studio } = assist;
    element.hidden = !assist.isOn || !studio;
    if (element.hidden) return;
    const settings = studio.settings;
    const classId = settings.get('classId');
    text.textContent = assist.text;
    text.title = `${assist.text}. Hatched: predicted; filled: painted.`;
    element.dataset.state = assist.state;
    for (const each of [all, one, here]) each.disabled = !studio.prediction.ids || studio.isReadOnly;
    name.textContent = studio.nameOf(classId);
    one.title = `Where ${studio.nameOf(classId)} is predicted and nothing is painted (Shift+Y)`;
    swatch.style.background = studio.colourOf(classId);
    here.setAttribute('aria-pressed', settings.get('tool') === 'accept');
    doubt.setAttribute('aria-pressed', studio.prediction.isUncertaintyShown);
    doubt.disabled = !studio.prediction.ids;
    next.disabled = assist.isSuggesting;
  };
  assist.listen(update);
  return element;
}
