/** Where faces come from: made anew, painted in a project, or both. */

import { make } from '../painter/panels/dom.js';
import { line, part, select } from './fields.js';

const WAYS = { generated: 'Generated', both: 'Generated and painted', painted: 'Painted alone' };
const MASKS = { done: 'All that are finished', reviewed: 'Those that a review accepted' };
const NONE = 'Finish some faces in the Annotate tab first';
const FIRST_COUNT = 100;

/** @param {{count: number, project: object | undefined}} recipe @returns {'generated' | 'both' | 'painted'} */
export function wayOf({ count, project }) {
  if (!project) return 'generated';
  return count === 0 ? 'painted' : 'both';
}

/** @param {import('./store.js').Store} store */
export function createSource(store) {
  let projects = [];
  let count = FIRST_COUNT; // before faces were painted ones alone
  const way = select(Object.entries(WAYS), (chosen) => choose(chosen));
  const name = select([], (chosen) => store.change({ project: { ...store.recipe.project, name: chosen } }));
  const masks = select(Object.entries(MASKS), (chosen) => store.change({ project: { ...store.recipe.project, masks: chosen } }));
  const more = make('div', {}, line('Project', name), line('Masks', masks));
  const element = part('project', line('Faces from', way), more);
  const choose = (chosen) => {
    const { recipe } = store;
    if (recipe.count) count = recipe.count;
    const project = chosen === 'generated' ? null : (recipe.project ?? { name: projects.find((each) => each.done)?.name ?? '', masks: 'done' });
    const alone = { ages: null, gender_ratio: null, balance: null, traits: null, generator: null, variants: { ...recipe.variants, count: 1 } };
    store.change({ project, ...(chosen === 'painted' ? { count: 0, ...alone } : { count: recipe.count || count }) });
  };
  const setOptions = (options) => {
    projects = options.projects;
    name.replaceChildren(...projects.map((each) => make('option', { value: each.name }, `${each.name} (${each.done} finished)`)));
    const hasSome = projects.some(({ done }) => done);
    for (const option of way.options) option.disabled = option.value !== 'generated' && !hasSome;
    way.title = hasSome ? '' : NONE;
  };
  const show = () => {
    const { recipe } = store;
    way.value = wayOf(recipe);
    more.hidden = !recipe.project;
    if (!recipe.project) return;
    if (!projects.some((each) => each.name === recipe.project.name) && name.value !== recipe.project.name) name.append(make('option', { value: recipe.project.name }, recipe.project.name));
    name.value = recipe.project.name;
    masks.value = recipe.project.masks ?? 'done';
  };
  return { element, show, setOptions };
}
