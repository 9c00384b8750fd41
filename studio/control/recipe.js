/**
 * What is asked of a face, as one small plain value, and its text in the page's address:
 * '#control=seed:42;psi:0.7;age:62;gender:female;do:smile=1.5,yaw=-1;keep:hair;mix:0.3'. A face that
 * starts from a photo of the workspace has 'photo:' and its id instead of the seed. Parts of another
 * face: 'take:hair,skin=0:0.5;from:seed:7;soft:0.5', with how far shape and texture of each go.
 */

export const GENDERS = ['female', 'male'];
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const SOURCE = /^(seed:\d{1,10}|photo:[0-9a-f]{16})$/;
const WHOLE = [1, 1]; // shape and texture of a part, as the other face has them
export const SOFTNESS = 0.3; // of borders, where nothing else is asked
const PHOTO = /^[0-9a-f]{16}$/;
const MAX_SEED = 2 ** 32 - 1;

/** @returns {object} generator '' is the studio's first one; photo '': by its seed; age and gender null: as drawn */
export function plainRecipe({ generator = '', seed = 0, psi = 0.7, photo = '' } = {}) {
  return { generator, seed, psi, photo, age: null, gender: null, directions: {}, keep: [], mixing: 0, take: {}, source: '', softness: SOFTNESS };
}

/** Nothing is asked but a drawn face. */
export function isPlain({ age, gender, directions, take }) {
  return age === null && gender === null && !Object.keys(directions).length && !Object.keys(take).length;
}

/** @returns {string} id of the photo that parts are taken from; '' where it is none */
export function photoOf(source) {
  return source.startsWith('photo:') ? source.slice('photo:'.length) : '';
}

/** @returns {object} the change that takes this part so far, or not at all: null */
export function withPart(recipe, name, amounts = WHOLE) {
  const { [name]: _, ...others } = recipe.take;
  return { take: amounts ? { ...others, [name]: amounts } : others };
}

/** @returns {object} with this slider there; 0 takes it out */
export function withDirection(recipe, name, amount) {
  const { [name]: _, ...others } = recipe.directions;
  return { ...recipe, directions: amount ? { ...others, [name]: amount } : others };
}

export function isSame(a, b) {
  return toText(a) === toText(b);
}

export function toText({ generator, seed, psi, photo, age, gender, directions, keep, mixing, take, source, softness }) {
  const parts = [photo ? `photo:${photo}` : `seed:${seed}`, `psi:${psi}`];
  if (age !== null) parts.push(`age:${age}`);
  if (gender !== null) parts.push(`gender:${gender}`);
  if (mixing) parts.push(`mix:${mixing}`);
  const moved = Object.entries(directions).sort(([a], [b]) => (a < b ? -1 : 1));
  if (moved.length) parts.push(`do:${moved.map(([name, amount]) => `${name}=${amount}`).join(',')}`);
  if (keep.length) parts.push(`keep:${[...keep].sort().join(',')}`);
  const taken = Object.entries(take).sort(([a], [b]) => (a < b ? -1 : 1));
  if (taken.length) parts.push(`take:${taken.map(([name, [shape, texture]]) => (shape === 1 && texture === 1 ? name : `${name}=${shape}:${texture}`)).join(',')}`);
  if (source) parts.push(`from:${source}`);
  if (softness !== SOFTNESS) parts.push(`soft:${softness}`);
  if (generator) parts.push(`of:${generator}`);
  return parts.join(';');
}

/** @returns {object | null} null where it is none; what cannot be is left out */
export function fromText(text) {
  const parts = new Map(text.split(';').map((part) => [part.split(':', 1)[0], part.slice(part.indexOf(':') + 1)]));
  const photo = PHOTO.test(parts.get('photo')) ? parts.get('photo') : '';
  const seed = Number(parts.get('seed') ?? 0);
  if (!photo && (!/^\d{1,10}$/.test(parts.get('seed') ?? '') || seed > MAX_SEED)) return null;
  const number = (name, low, high) => {
    const value = Number(parts.get(name) || NaN);
    return value >= low && value <= high ? value : null;
  };
  const generator = parts.get('of') ?? '';
  return {
    ...plainRecipe({ generator: NAME.test(generator) ? generator : '', seed: photo ? 0 : seed, psi: number('psi', -2, 2) ?? (photo ? 1 : 0.7), photo }),
    age: number('age', 1, 80),
    gender: GENDERS.includes(parts.get('gender')) ? parts.get('gender') : null,
    directions: amounts(parts.get('do') ?? ''),
    keep: (parts.get('keep') ?? '').split(',').filter((name) => NAME.test(name)),
    mixing: number('mix', 0, 1) ?? 0,
    ...taken(parts.get('take') ?? '', parts.get('from') ?? ''),
    softness: number('soft', 0, 1) ?? SOFTNESS,
  };
}

function taken(text, from) {
  const isKnown = SOURCE.test(from) && !(Number(from.split(':')[1]) > MAX_SEED && from.startsWith('seed'));
  if (!isKnown) return { take: {}, source: '' };
  const take = {};
  for (const [name, amounts] of text.split(',').map((each) => each.split('='))) {
    const [shape, texture] = (amounts ?? '1:1').split(':').map(Number);
    if (NAME.test(name) && [shape, texture].every((amount) => amount >= 0 && amount <= 1)) take[name] = [shape, texture];
  }
  return { take, source: from };
}

function amounts(text) {
  const found = {};
  for (const [name, value] of text.split(',').map((each) => each.split('='))) {
    const amount = Number(value);
    if (NAME.test(name) && amount && Math.abs(amount) <= 20) found[name] = amount;
  }
  return found;
}

/** In words, for titles. @param {Map<string, {title: string}>} sliders */
export function describe(recipe, sliders = new Map()) {
  const parts = [recipe.photo ? 'your photo' : `seed ${recipe.seed}`];
  if (recipe.age !== null) parts.push(`${recipe.age} years`);
  if (recipe.gender !== null) parts.push(recipe.gender);
  for (const [name, amount] of Object.entries(recipe.directions)) {
    parts.push(`${sliders.get(name)?.title ?? name} ${amount > 0 ? '+' : '−'}${Math.abs(amount)}`);
  }
  const taken = Object.keys(recipe.take);
  if (taken.length) parts.push(`${taken.join(' and ')} of ${photoOf(recipe.source) ? 'a photo' : recipe.source.replace(':', ' ')}`);
  return parts.join(', ');
}
