/**
 * Everything a key or a button can do, once. Keys are free of the default scheme's class keys
 * (c r g h t l m n o s u 0-6); a scheme that takes one of them wins, and the command's key
 * stays reachable with Shift.
 *
 * @typedef {object} Command
 * @property {string} label what the person reads
 * @property {string[]} keys as keys.js writes them; the first is shown
 * @property {string} group heading in the help
 * @property {(studio: object, event: object) => void} run
 */

const tool = (id, label, key, hint) => [
  `tool.${id}`,
  { label, keys: [key], group: 'Tools', hint, run: (studio) => studio.settings.set('tool', id) },
];

const step = (sign) => (studio, event) => studio.resizeTool(sign, event.shiftKey ? 10 : 1);

/** @type {Record<string, Command>} */
export const COMMANDS = Object.fromEntries([
  tool('brush', 'Brush', 'b', 'Shift at the end of a closed stroke fills its inside'),
  tool('eraser', 'Eraser', 'e', 'The right mouse button erases with every tool'),
  tool('smart', 'Smart brush', 'w', 'Paints whole regions; [ and ] make them finer and coarser'),
  tool('polygon', 'Polygon', 'p', 'Enter closes, Backspace drops the last corner, Esc gives up'),
  tool('lasso', 'Lasso', 'a', 'Drag around an area'),
  tool('rectangle', 'Rectangle', 'q', 'Drag from corner to corner'),
  tool('bucket', 'Bucket', 'k', 'Fills connected pixels of one class'),
  tool('pick', 'Pick class', 'i', 'Alt and click picks with every tool'),
  tool('accept', 'Accept here', 'z', 'A brush that paints what is predicted where it goes'),
  ['smaller', { label: 'Smaller brush, coarser regions', keys: ['[', 'Shift+[', '{', '-'], group: 'Painting', run: step(-1) }],
  ['larger', { label: 'Larger brush, finer regions', keys: [']', 'Shift+]', '}', '+', '='], group: 'Painting', run: step(1) }],
  ['swap', { label: 'Swap with background', keys: ['x'], group: 'Painting', run: (studio) => studio.swapClass() }],
  ['lock', { label: 'Lock or unlock the class', keys: ['j'], group: 'Painting', run: (studio) => studio.settings.toggle('locked', studio.settings.get('classId')) }],
  ['undo', { label: 'Undo', keys: ['Ctrl+z'], group: 'Painting', run: (studio) => studio.undo() }],
  ['redo', { label: 'Redo', keys: ['Ctrl+Shift+z', 'Ctrl+y'], group: 'Painting', run: (studio) => studio.redo() }],
  ['cancel', { label: 'Give up the gesture', keys: ['Escape'], group: 'Painting', run: (studio) => studio.cancel() }],
  ['live', { label: 'Live learning on or off', keys: ['7'], group: 'Live learning', run: (studio) => studio.assist?.toggle() }],
  ['acceptAll', { label: 'Accept the prediction into what is not painted', keys: ['y'], group: 'Live learning', run: (studio) => studio.accept(false) }],
  ['acceptClass', { label: 'The same, the class in hand only', keys: ['Shift+y'], group: 'Live learning', run: (studio) => studio.accept(true) }],
  ['uncertainty', { label: 'Show where the prediction is uncertain', keys: ['8'], group: 'Live learning', run: (studio) => studio.assist?.toggleUncertainty() }],
  ['suggest', { label: 'Open the face that teaches most', keys: ['9'], group: 'Live learning', run: (studio) => studio.assist?.suggest() }],
  ['fit', { label: 'Fit to window; again: 100 %', keys: ['f'], group: 'View', run: (studio) => studio.fit() }],
  ['peek', { label: 'Hide the mask while held', keys: ['d'], group: 'View', isHeld: true, run: (studio) => studio.settings.set('isPeeking', true) }],
  ['outline', { label: 'Outlines only', keys: ['v'], group: 'View', run: (studio) => studio.settings.set('outline', !studio.settings.get('outline')) }],
  ['save', { label: 'Save now', keys: ['Ctrl+s'], group: 'Work', run: (studio) => studio.save() }],
  ['done', { label: 'Mark as done', keys: ['Ctrl+Enter'], group: 'Work', run: (studio) => studio.finish() }],
  ['help', { label: 'This help', keys: ['?', 'Shift+?', 'Shift+/'], group: 'Work', run: (studio) => studio.showHelp() }],
]);

/** What the mouse does, for the help. */
export const GESTURES = [
  ['Wheel', 'Zoom at the pointer'],
  ['Ctrl, wheel', 'Brush size, region level; so does Alt'],
  ['Space, drag', 'Move the image; so does the middle button'],
  ['Two fingers', 'Zoom and move the image'],
  ['Right drag', 'Erase with the tool in hand'],
  ['Alt, click', 'Pick the class under the pointer'],
  ['Shift, [ ]', 'Brush size in steps of ten'],
  ['Shift, release', 'Close a brush stroke that ends near its start, and fill its inside'],
  ['Alt, eye', 'Show this class only'],
];

/** The key to show on a button: the first that the scheme leaves free. */
export function keyOf(id, classKeys) {
  const [key] = COMMANDS[id].keys;
  return classKeys.has(key) ? `Shift+${key}` : key;
}
