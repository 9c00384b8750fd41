/** What a person reads about revisions: when, how long, how many. */

const NUMBER = new Intl.NumberFormat('en');
export const SOURCES = { painted: 'painted', imported: 'imported', predicted: 'predicted' };

/** '12,345' */
export function countText(count) {
  return NUMBER.format(count);
}

/** '0.3 %' of a whole; what is there is never called 0. */
export function shareText(part, whole) {
  if (!part || !whole) return '0 %';
  const percent = (100 * part) / whole;
  if (percent < 0.05) return '< 0.1 %';
  return `${percent.toFixed(percent < 99.95 || part === whole ? 1 : 2)} %`;
}

/** '1 pixel', '2 pixels' */
export function plural(count, noun) {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * 'today 12:03', 'yesterday 17:40', '3 Nov 09:15', '3 Nov 2024', in the person's time zone.
 * @param {string} iso @param {Date} now
 */
export function whenText(iso, now = new Date()) {
  const at = new Date(iso);
  const clock = at.toTimeString().slice(0, 5);
  const daysAgo = Math.round((startOfDay(now) - startOfDay(at)) / 86_400_000);
  if (daysAgo === 0) return `today ${clock}`;
  if (daysAgo === 1) return `yesterday ${clock}`;
  const day = `${at.getDate()} ${at.toLocaleString('en', { month: 'short' })}`;
  return at.getFullYear() === now.getFullYear() ? `${day} ${clock}` : `${day} ${at.getFullYear()}`;
}

function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/** '40 s', '4 min', '1 h 05 min'; '' for no time at all */
export function spentText(seconds) {
  if (seconds < 0.5) return '';
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
