/** How far a photo has come, in words. A photo is as the server describes it (studio/routes/photos.py). */

const NAMES = {
  encoder: 'First answer',
  mean: 'Average face, to sharpen',
  optimisation: 'Sharpened',
  tuning: 'Tuned generator',
};
export const TUNE = 'tune photo'; // the kind of such a job
export const WHAT_SHARPEN = 'Looks for latents that come closer to the photo: about a minute, in the background';
export const WHAT_STOP = 'It ends at its next step; the best that was found stays';

export function stateOf(photo, generator) {
  const how = photo.latents[generator];
  if (!photo.frame) return 'Not framed yet';
  if (photo.job?.is_alive && photo.job.generator === generator) return photo.job.kind === TUNE ? 'Generator being tuned' : 'Being sharpened';
  return how ? (NAMES[how.by] ?? how.by) : 'Framed';
}

/** '' where there is nothing to add. */
export function detailOf(photo, generator) {
  const how = photo.latents[generator];
  if (!['optimisation', 'tuning'].includes(how?.by)) return '';
  const isWhole = how.step >= how.total;
  return `${isWhole ? `${how.total} steps` : `${how.step} of ${how.total} steps`}, ${Math.round(how.seconds)} s`;
}

/** The generator that was tuned to it, made of this one; '' where there is none. */
export function tunedOf(photo, generator) {
  const found = Object.entries(photo.latents).find(([, how]) => how.by === 'tuning' && how.base === generator);
  return found ? found[0] : '';
}

/** Of work that goes on: what it writes tells more often than its job. */
export function stepOf(photo) {
  const how = newest(photo);
  return how ? { done: how.step, total: how.total } : { done: photo.job.done, total: photo.job.total };
}

/** The button that orders a search. */
export function sharpenOf(photo, generator) {
  return photo.latents[generator]?.by === 'optimisation' ? 'Sharpen more' : 'Sharpen';
}

/** What is being done to one that is worked on. */
export function doingOf(photo) {
  const { state, place } = photo.job;
  if (state === 'queued') return place ? `Waits for ${place} other job${place > 1 ? 's' : ''}` : 'Starting …';
  if (state === 'stopping') return 'Stopping …';
  const { done, total } = stepOf(photo);
  return total ? `Step ${done} of ${total}${leftOf(photo)}` : 'Opening the networks …';
}

/** Time left, to be added to a line. */
function leftOf(photo) {
  const left = newest(photo)?.seconds_left;
  if (!left) return '';
  return left < 90 ? `, ${Math.max(1, Math.round(left))}\u00a0s left` : `, ${Math.round(left / 60)}\u00a0min left`;
}

function newest({ job, latents, tuning }) {
  const how = job.kind === TUNE ? tuning : latents[job.generator];
  return how?.job === job.id ? how : null;
}
