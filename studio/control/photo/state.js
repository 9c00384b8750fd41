/** How far a photo has come, in words. */

const NAMES = {
  encoder: 'First answer',
  mean: 'Average face, to sharpen',
  optimisation: 'Sharpened',
  tuning: 'Tuned',
};

/** @param {object} photo as the server describes it @param {string} generator */
export function stateOf(photo, generator) {
  const how = photo.latents[generator];
  if (!photo.frame) return 'Not framed yet';
  return how ? NAMES[how.by] : 'Framed';
}
