/** One slider: name, track with a mark of the safe range, and its value as a number. */

import { make } from '../painter/panels/dom.js';

const KEYS_REST = 350; // ms without another key until the whole picture is asked for
const MOVING = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'];

/**
 * @param {object} how
 * @param {string} how.name
 * @param {string} how.title
 * @param {string} [how.about] shown as a tooltip
 * @param {number} how.min
 * @param {number} how.max
 * @param {number} how.step
 * @param {number} how.neutral a double click goes there
 * @param {[number, number] | null} [how.safe] range that is marked
 * @param {[number, number]} [how.limits] of what can be typed; by default min and max
 * @param {string} [how.unit]
 * @param {(value: number) => void} how.onDrag while it moves
 * @param {(value: number) => void} how.onSettle when it rests
 * @returns {{element: HTMLElement, show: (value: number, isOn?: boolean) => void, setEnabled: (isEnabled: boolean) => void}}
 */
export function createSlider({ name, title, about = '', min, max, step, neutral, safe = null, limits = [min, max], unit = '', onDrag, onSettle, onReset = onSettle }) {
  const hint = [about, safe && `Safe from ${signed(safe[0])} to ${signed(safe[1])}.`, 'A double click resets it.'].filter(Boolean).join(' ');
  const range = make('input', { type: 'range', class: 'fl-co-range', name, min, max, step, 'aria-label': title, title: hint });
  const number = make('input', { type: 'number', class: 'fl-co-number', min: limits[0], max: limits[1], step, 'aria-label': `${title}, as a number${unit && `, ${unit}`}` });
  const complaint = make('p', { class: 'fl-co-complaint', role: 'alert', hidden: true });
  const track = createTrack(range);
  const element = make('div', { class: 'fl-co-slider', 'data-slider': name }, make('span', { class: 'fl-co-name', title: [title, about].filter(Boolean).join(': ') }, title), track, number, complaint);
  const place = (value) => (Math.min(Math.max(value, min), max) - min) / (max - min); // 0 to 1
  if (safe) {
    track.classList.add('fl-co-marked');
    track.style.setProperty('--from', place(safe[0]));
    track.style.setProperty('--to', place(safe[1]));
  }
  let timer = null;
  let hasKeys = false;
  let shown = neutral;

  const show = (value, isOn = true) => {
    shown = value;
    range.value = value;
    if (document.activeElement !== number) number.value = isOn ? rounded(value, step) : '';
    fill(track, ...[place(min < 0 ? neutral : min), place(value)].sort((a, b) => a - b));
    element.classList.toggle('fl-co-off', !isOn);
    element.classList.toggle('fl-co-moved', isOn && value !== neutral);
    element.classList.toggle('fl-co-risky', isOn && safe !== null && (value < safe[0] || value > safe[1]));
    if (!number.matches(':focus')) complaint.hidden = true;
  };
  const settle = (value, act = onSettle) => {
    clearTimeout(timer);
    timer = null;
    act(value);
  };

  range.addEventListener('keydown', (event) => (hasKeys = MOVING.includes(event.key)));
  range.addEventListener('pointerdown', () => (hasKeys = false));
  range.addEventListener('input', () => {
    clearTimeout(timer);
    timer = null;
    onDrag(Number(range.value));
  });
  range.addEventListener('change', () => {
    if (!hasKeys) return settle(Number(range.value));
    clearTimeout(timer);
    timer = setTimeout(() => settle(Number(range.value)), KEYS_REST);
    return undefined;
  });
  range.addEventListener('blur', () => timer && settle(Number(range.value)));
  element.addEventListener('dblclick', (event) => event.target !== number && settle(neutral, onReset));
  number.addEventListener('change', () => {
    const value = Number(number.value);
    const isFit = number.value.trim() !== '' && value >= limits[0] && value <= limits[1];
    complaint.hidden = isFit;
    complaint.textContent = isFit ? '' : `${title}: ${limits[0]} to ${limits[1]}${unit && ` ${unit}`}.`;
    if (isFit) settle(value);
    else number.value = element.classList.contains('fl-co-off') ? '' : rounded(shown, step);
  });
  number.addEventListener('input', () => (complaint.hidden = true));
  const setEnabled = (isEnabled) => {
    range.disabled = number.disabled = !isEnabled;
  };
  return { element, show, setEnabled };
}

/** What lies behind a range. @param {HTMLInputElement} range */
export function createTrack(range) {
  return make('div', { class: 'fl-co-track' }, make('i', { class: 'fl-co-fill', 'aria-hidden': 'true' }), range);
}

/** Colours a part of a track, between two places 0 to 1 of the middle of its thumb. */
export function fill(track, from, to) {
  track.style.setProperty('--fill-from', from);
  track.style.setProperty('--fill-to', to);
}

function rounded(value, step) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  return Number.isInteger(value) && digits === 0 ? String(value) : String(Number(value.toFixed(Math.max(digits, 2))));
}

function signed(value) {
  return `${value > 0 ? '+' : '−'}${Math.abs(value).toFixed(1)}`;
}
