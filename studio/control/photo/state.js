/** How far a photo has come, in words. A photo is as the server describes it (studio/routes/photos.py). */

const NAMES = {
  encoder: 'First answer',
  mean: 'Average face, to sharpen',
  optimisation: 'Sharpened',
};

export function stateOf(photo, generator) {
  const how = photo.latents[generator];
  if (!photo.frame) return 'Not framed yet';
  if (photo.job?.is_alive && photo.job.generator === generator) return 'Being sharpened';
  return how ? (NAMES[how.by] ?? how.by) : 'Framed';
}

/** '' where there is nothing to add. */
export function detailOf(photo, generator) {
  const how = photo.latents[generator];
  if (how?.by !== 'optimisation') return '';
  const isWhole = how.step >= how.total;
  return `${isWhole ? `${how.total} steps` : `${how.step} of ${how.total} steps`}, ${Math.round(how.seconds)} s`;
}

/** Of work that goes on: its latents tell more often than its job. */
export function stepOf(job, latents) {
  const how = newest(job, latents);
  return how ? { done: how.step, total: how.total } : { done: job.done, total: job.total };
}

/** Time left, to be added to a line. */
export function leftOf(job, latents) {
  const left = newest(job, latents)?.seconds_left;
  if (!left) return '';
  return left < 90 ? `, ${Math.max(1, Math.round(left))} s left` : `, ${Math.round(left / 60)} min left`;
}

function newest(job, latents) {
  const how = latents[job.generator];
  return how?.job === job.id ? how : null;
}
