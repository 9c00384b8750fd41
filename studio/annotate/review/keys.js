/** Keys of the review -> what they do. Apart from it: the tab's help names them before a review is fetched. */

export const ACTION_KEYS = {
  a: 'Accept the mask in force',
  r: 'Reject the mask in force, with a reason',
  b: 'Bring the chosen mask back: restore it',
};

export const VIEW_KEYS = {
  s: 'One large mask, or side by side',
  x: 'The other mask, while one is shown',
  c: 'Changes only',
  z: 'Zoom to the changes',
  v: 'Outlines only',
  f: 'Fit to window; again: 100 %',
  d: 'Hide the masks while held',
};

export const REVIEW_KEYS = { ...ACTION_KEYS, 'Up, Down': 'Choose another revision', ...VIEW_KEYS, '[, ]': 'Masks fainter, stronger' };
