/** What this browser remembers of how somebody likes to work, under one key of localStorage. */

/** Keeps the named values; where storage is full or forbidden they last until the page is closed. */
export function remember(storageKey, values, names) {
  const kept = Object.fromEntries(names.map((name) => [name, values[name]]));
  try {
    localStorage.setItem(storageKey, JSON.stringify(kept));
  } catch {
    // Nothing is owed to the browser's storage.
  }
}

/** @returns {object} of the named values those that were kept and are of the kind of their defaults */
export function recall(storageKey, defaults, names) {
  let kept;
  try {
    kept = JSON.parse(localStorage.getItem(storageKey)) ?? {};
  } catch {
    return {};
  }
  const isGood = (name) => typeof kept[name] === typeof defaults[name] && kept[name] !== null;
  return Object.fromEntries(names.filter(isGood).map((name) => [name, kept[name]]));
}
