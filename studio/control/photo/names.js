/** Names of the files that photos came from: in this tab of the browser alone, the workspace has none. */

const KEY = 'faceloom.control.photos';
const known = new Map(recalled());

/** @returns {string} '' where it is not known */
export function nameOf(id) {
  return known.get(id) ?? '';
}

/** @param {string} id @param {string} name '' forgets it */
export function setName(id, name) {
  if (name) known.set(id, name);
  else known.delete(id);
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...known]));
  } catch {
    // They last until the page is closed.
  }
}

function recalled() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY)) ?? [];
    return found.filter((each) => each.length === 2 && each.every((part) => typeof part === 'string'));
  } catch {
    return [];
  }
}
