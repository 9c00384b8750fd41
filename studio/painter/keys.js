/** The keyboard: finds the command or the class for a key. */

import { COMMANDS } from './commands.js';

export class Keys {
  #classes; // key -> class id
  #commands = new Map(); // combination -> command

  /**
   * @param {HTMLElement} root the painter; keys count when it, or nothing, has the focus
   * @param {{classes: {id: number, key?: string}[]}} scheme
   * @param {object} studio see painter.js
   * @param {AbortSignal} signal ends the listening
   */
  constructor(root, scheme, studio, signal) {
    Object.assign(this, { root, studio });
    this.#classes = new Map(scheme.classes.filter((each) => each.key).map(({ key, id }) => [key, id]));
    for (const command of Object.values(COMMANDS)) {
      for (const key of command.keys) this.#commands.set(key, command);
    }
    document.addEventListener('keydown', (event) => this.#down(event), { signal });
    document.addEventListener('keyup', (event) => this.#up(event), { signal });
    window.addEventListener('blur', () => this.#releaseAll(), { signal });
  }

  #down(event) {
    this.studio.isControlDown = event.ctrlKey || event.metaKey;
    if (!this.#isForUs(event)) return;
    if (event.key === ' ') return this.#space(event);
    const action = this.studio.tool.key?.(event.key) ? () => {} : this.#find(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  #find(event) {
    const key = combination(event);
    if (this.#classes.has(key)) return () => this.studio.selectClass(this.#classes.get(key));
    const plain = key.startsWith('Shift+') && key.length === 7 ? key.slice(6) : key;
    const command = this.#commands.get(key) ?? this.#commands.get(plain);
    if (!command || (event.repeat && command.isHeld)) return null;
    return () => command.run(this.studio, event);
  }

  /** Space moves the image while held; on a button it presses the button. */
  #space(event) {
    if (event.target.closest('button, summary, input, select')) return;
    event.preventDefault();
    if (!this.studio.isSpaceDown) this.studio.setSpace(true);
  }

  #up(event) {
    this.studio.isControlDown = event.ctrlKey || event.metaKey;
    if (event.key === ' ' && this.studio.isSpaceDown) this.studio.setSpace(false);
    if (COMMANDS.peek.keys.includes(event.key.toLowerCase())) this.studio.settings.set('isPeeking', false);
  }

  #releaseAll() {
    this.studio.isControlDown = false;
    this.studio.setSpace(false);
    this.studio.settings.set('isPeeking', false);
  }

  #isForUs(event) {
    const { target } = event;
    if (document.querySelector('dialog[open]') || event.isComposing) return false;
    if (target !== document.body && !this.root.contains(target)) return false;
    if (!this.root.offsetParent) return false; // on a tab that is not shown
    const isArrow = event.key.startsWith('Arrow') || ['Home', 'End', 'PageUp', 'PageDown'].includes(event.key);
    if (target.matches('input[type=range], select')) return !isArrow && (event.key !== 'Enter');
    if (target.closest('button, summary') && event.key === 'Enter') return false;
    return !target.closest('input:not([type=checkbox]), textarea, [contenteditable=true]');
  }
}

/** 'Ctrl+Shift+z', 'b', 'Shift+['; Cmd counts as Ctrl, letters are small. */
export function combination(event) {
  const isLetter = event.key.length === 1;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.shiftKey) parts.push('Shift');
  parts.push(isLetter ? event.key.toLowerCase() : event.key);
  return parts.join('+');
}
