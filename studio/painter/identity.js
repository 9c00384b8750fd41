/** Names for saves and for this tab. Also for pages that came by plain http from another computer. */

const KEY = 'faceloom-painter-tab';

/** A random UUID. `crypto.randomUUID` is missing on pages that are not 'secure contexts'. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4 ...
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // ... of RFC 9562
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A name for this tab that survives a reload. */
export function tabName() {
  try {
    const name = sessionStorage.getItem(KEY) ?? uuid();
    sessionStorage.setItem(KEY, name);
    return name;
  } catch {
    return 'tab';
  }
}

/**
 * As tabName, but a duplicated tab, which starts with a copy of the other's storage, gets a name
 * of its own. (Where the browser has no locks, duplicates share their name.)
 * @returns {Promise<string>}
 */
export async function claimTabName() {
  const name = tabName();
  if (!navigator.locks || (await hold(name))) return name;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    return name;
  }
  return claimTabName();
}

/** Holds a lock of this name as long as the page lives. @returns {Promise<boolean>} false: another has it */
function hold(name) {
  return new Promise((resolve) => {
    navigator.locks.request(`${KEY}:${name}`, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      return lock ? new Promise(() => {}) : null;
    });
  });
}
