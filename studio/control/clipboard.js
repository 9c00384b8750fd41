/** What can be pasted elsewhere. */

import { make } from '../painter/panels/dom.js';

/** Also on pages that came by plain http from another computer, where there is no clipboard for scripts. */
export async function copy(text, field = null) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = field ?? make('textarea', { class: 'fl-co-unseen' });
    if (!field) {
      area.value = text;
      document.body.append(area);
    }
    area.select();
    const isDone = document.execCommand('copy');
    if (!field) area.remove();
    return isDone;
  }
}
