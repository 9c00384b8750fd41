/** How far a photo has come, in words. A photo is as the server describes it (studio/routes/photos.py). */

const NAMES = {
  encoder: 'First answer',
  mean: 'Average face, to sharpen',
  optimisation: 'Sharpened',
  tuning: 'Tuned generator',
};
export const TUNE = 'tune photo'; // the kind of such a job

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

/** Time left, to be added to a line. */
export function leftOf(photo) {
  const left = newest(photo)?.seconds_left;
  if (!left) return '';
  return left < 90 ? `, ${Math.max(1, Math.round(left))} s left` : `, ${Math.round(left / 60)} min left`;
}

function newest({ job, latents, tuning }) {
  const how = job.kind === TUNE ? tuning : latents[job.generator];
  return how?.job === job.id ? how : null;
}
