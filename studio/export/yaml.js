/** The recipe as YAML: written, loaded from a file, saved as one. */

import { make } from '../painter/panels/dom.js';

const MOST = 200_000; // bytes of a file; the server takes as many characters

/** @param {import('./store.js').Store} store @param {{onFile: (text: string) => void}} on */
export function createYaml(store, { onFile }) {
  const area = make('textarea', { class: 'fl-ex-yaml', spellcheck: 'false', autocomplete: 'off', 'aria-label': 'Recipe as YAML' });
  const file = make('input', { type: 'file', accept: '.yaml,.yml', class: 'fl-ex-file', tabindex: -1, 'aria-hidden': 'true' });
  let isWritten = false; // more than the store has
  area.addEventListener('input', () => {
    isWritten = true;
    store.write(area.value);
  });
  area.addEventListener('blur', () => {
    if (!store.problem && !store.isLooking) show(); // in the form that files have
  });
  file.addEventListener('change', async () => {
    const [chosen] = file.files;
    if (chosen?.size > MOST) store.onTrouble(new Error(`${chosen.name} is larger than a recipe ever is. Choose a YAML file of a recipe.`));
    else if (chosen) onFile(await chosen.text());
    file.value = '';
  });
  const show = () => {
    if (document.activeElement === area) return;
    if (isWritten && (store.problem || store.isLooking)) return; // it is being put right
    isWritten = false;
    if (area.value !== store.text) area.value = store.text;
  };
  const load = make('button', { type: 'button', title: 'A recipe from a YAML file, also one of faces of the Control tab', onclick: () => file.click() }, 'Load');
  const save = make('button', { type: 'button', title: 'The recipe as a YAML file, for launch.py export --recipe', onclick: () => download(store) }, 'Save');
  const note = make('p', { class: 'fl-ex-note' }, 'The same recipe as in the form; what is left out keeps its default.');
  return { element: make('div', { class: 'fl-ex-text' }, note, area, file), buttons: [load, save], show };
}

async function download(store) {
  await store.settled();
  const address = URL.createObjectURL(new Blob([store.text], { type: 'text/yaml' }));
  make('a', { href: address, download: `${store.recipe.name ?? 'recipe'}.yaml` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
