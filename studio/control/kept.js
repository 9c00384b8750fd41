/** The strip of faces kept in this session; a click brings one back. */

import { make } from '../painter/panels/dom.js';
import { describe, fromText, isSame, toText } from './recipe.js';

const KEY = 'faceloom.control.kept';
const MOST = 100;
const SIZE = 96; // px of the thumbnails

/**
 * @param {{store: import('./store.js').Store, stage: import('./stage.js').Stage, titles: () => Map<string, object>}} parts
 */
export function createKept({ store, stage, titles }) {
  let faces = recalled(); // {text, picture}
  const keepButton = make('button', { type: 'button', class: 'fl-co-keep', title: 'Keep this face in the strip (K)', 'aria-keyshortcuts': 'k', onclick: () => keep() }, 'Keep');
  const list = make('ol', {});
  const none = make('p', {}, 'Faces you keep are lined up here; a click brings one back.');
  const element = make('section', { class: 'fl-co-kept', 'aria-label': 'Kept faces' }, keepButton, none, list);

  const keep = () => {
    if (!stage.after) return;
    const text = toText(store.recipe);
    faces = [{ text, picture: stage.thumbnail(SIZE) }, ...faces.filter((face) => face.text !== text)].slice(0, MOST);
    draw();
    list.scrollTo({ left: 0 });
  };
  const remove = (text) => {
    const at = faces.findIndex((face) => face.text === text);
    faces = faces.filter((face) => face.text !== text);
    draw();
    (list.children[Math.min(at, faces.length - 1)]?.querySelector('button') ?? keepButton).focus();
  };
  const createItem = ({ text, picture }) => {
    const recipe = fromText(text);
    const title = describe(recipe, titles());
    const image = make('img', { src: picture, alt: '', width: 64, height: 64, draggable: 'false' });
    const open = make('button', { type: 'button', class: 'fl-co-kept-face', title, 'aria-label': `Bring back: ${title}`, 'aria-pressed': isSame(recipe, store.recipe), onclick: () => store.settle(recipe) }, image);
    open.addEventListener('keydown', (event) => event.key === 'Delete' && remove(text));
    const drop = make('button', { type: 'button', class: 'fl-co-drop', title: 'Take it out (Delete)', 'aria-label': `Take out: ${title}`, onclick: () => remove(text) }, '×');
    return make('li', {}, open, drop);
  };
  const draw = () => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(faces));
    } catch {
      // They last until the page is closed.
    }
    none.hidden = faces.length > 0;
    list.replaceChildren(...faces.filter(({ text }) => fromText(text)).map(createItem));
  };
  store.listen((recipe, isSettled) => {
    if (!isSettled) return;
    faces.forEach(({ text }, i) => list.children[i]?.querySelector('button').setAttribute('aria-pressed', isSame(fromText(text), recipe)));
  });
  draw();
  return { element, keep, recipes: () => faces.map(({ text }) => fromText(text)).filter(Boolean), redraw: draw };
}

function recalled() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY)) ?? [];
    return found.filter(({ text, picture }) => typeof text === 'string' && picture.startsWith('data:image/jpeg'));
  } catch {
    return [];
  }
}
