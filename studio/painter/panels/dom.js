/** Building elements, and the drawings on the buttons. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} attributes; functions named on... are listeners; true and false
 *   set and leave out
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** Drawn on 20 x 20, as strokes in the text's colour. */
const DRAWINGS = {
  brush: 'M11 9 17 3M11 9l-2-.2C6.5 8.8 6 11 6 12.5 6 14 5 15.5 3 16c2 1.300 7 1.600 8.500-1 .8-1.400.7-3-.5-6z',
  eraser: 'm8 16-5-5 8.500-8.500 6 6L10 16zM6.500 7.500l6 6M4 17h13',
  smart: 'M3 5 8 3l4 3 5-2v9l-4 4-5-3-5 2zM8 3v11M12 6v6l5 1M3 10l5-1M12 12l-4 2',
  polygon: 'M4 6 11 3l6 6-4 8H5zM4 6v0M11 3v0',
  lasso: 'M10 3c4.500 0 7.500 2 7.500 4.800S14.500 13 10 13 2.500 10.700 2.500 7.800 5.500 3 10 3zM5 12c-1 1-1 3 .8 3 1.700 0 1.700-2 .4-2.500M5.800 15c0 1-.5 2-1.800 2.500',
  rectangle: 'M3.500 5h13v10h-13z',
  bucket: 'm9 3 7 7-6 6a1.500 1.500 0 0 1-2 0l-4.500-4.500a1.500 1.500 0 0 1 0-2zM4 11h11M17 12.500c1 1.500 1.500 2.300 1.500 3a1.500 1.500 0 0 1-3 0c0-.7.5-1.500 1.500-3',
  pick: 'm11 6 3-3c1.500-1.300 4.300 1.500 3 3l-3 3M9.500 4.500l6 6M12.500 7.500 6 14l-3 3 .7-3.700L10 6.500',
  accept: 'M11 9 17 3M11 9l-2-.2C6.5 8.8 6 11 6 12.5 6 14 5 15.5 3 16c2 1.300 7 1.600 8.500-1 .8-1.400.7-3-.5-6zM13 14l2 2 3.500-4.500',
  undo: 'M4 8h8a4.500 4.500 0 0 1 0 9H8M4 8l4-4M4 8l4 4',
  redo: 'M16 8H8a4.500 4.500 0 0 0 0 9h4M16 8l-4-4M16 8l-4 4',
  outline: 'M4.500 7.500v-3h3M12.500 4.500h3v3M15.500 12.500v3h-3M7.500 15.500h-3v-3M4.500 9.300v1.400M15.500 9.300v1.400M9.300 4.500h1.400M9.300 15.500h1.400',
  image: 'M10 6.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 1 1 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M15.700 4.300l-1.100 1.100M5.400 14.600l-1.100 1.100',
  fit: 'M8 8 3.500 3.500M3.500 7V3.500H7M12 8l4.500-4.500M13 3.500h3.500V7M12 12l4.500 4.500M16.500 13v3.500H13M8 12l-4.500 4.500M3.500 13v3.500H7',
  peek: 'M2 10c2-3.500 5-5 8-5s6 1.500 8 5c-2 3.500-5 5-8 5s-6-1.500-8-5zM10 7.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5z',
  hidden: 'M2 10c2 3.500 5 5 8 5s6-1.500 8-5M5 13l-1.500 2.500M10 15v2.500M15 13l1.500 2.500',
  lock: 'M5 9h10v8H5zM7 9V6a3 3 0 0 1 6 0v3',
  unlock: 'M5 9h10v8H5zM7 9V5.500A3 3 0 0 1 12.700 4',
  clean: 'M12 3 8 9M5 11l6.500-3 3 5-8 4c-1-2-1.500-4-1.500-6zM4 4v3M2.500 5.500h3M16 5v2M15 6h2',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  help: 'M7 7.500c0-4 6-4 6-.5 0 2.500-3 2.500-3 5M10 15.500v.500',
};

/** @param {string} name a key of DRAWINGS */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', DRAWINGS[name]);
  svg.append(path);
  return svg;
}

/** A button with a drawing only; the label is read aloud and shown as a tooltip. */
export function iconButton(drawing, label, onClick, attributes = {}) {
  const text = attributes.shortcut ? `${label} (${attributes.shortcut})` : label;
  const { shortcut, ...rest } = attributes;
  const element = make('button', { type: 'button', title: text, 'aria-label': label, onclick: onClick, ...rest }, icon(drawing));
  element.classList.add('fl-icon');
  if (shortcut) element.setAttribute('aria-keyshortcuts', shortcut.replace('Ctrl', 'Control'));
  return element;
}

/** A button that opens a small panel below it. Esc and a click elsewhere close it. */
export function menu(drawing, label, ...content) {
  const summary = make('summary', { title: label, 'aria-label': label }, icon(drawing));
  summary.classList.add('fl-icon');
  const panel = make('div', { class: 'fl-menu-panel', role: 'group', 'aria-label': label }, ...content);
  const details = make('details', { class: 'fl-menu' }, summary, panel);
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    summary.focus();
    event.stopPropagation();
  });
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    const close = (event) => {
      if (!details.contains(event.target)) details.open = false;
      if (!details.open) document.removeEventListener('pointerdown', close, true);
    };
    document.addEventListener('pointerdown', close, true);
  });
  return details;
}

/** A slider with its name, tied to a setting. @param {(value: number) => string} show */
export function slider(settings, name, label, { min, max, step = 1, show = String }) {
  const input = make('input', { type: 'range', min, max, step, 'aria-label': label, title: label });
  const value = make('output', { class: 'fl-value' });
  input.addEventListener('input', () => settings.set(name, Number(input.value)));
  settings.watch([name], () => {
    input.value = settings.get(name);
    value.textContent = show(settings.get(name));
  });
  return make('label', { class: 'fl-slider' }, make('span', {}, label), input, value);
}
