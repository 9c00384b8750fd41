// Puts review and dialogs on the page, with the routes of tests/browser/review_server.py behind them.
import { Api } from '/modules/annotate/api.js';
import { createExchange } from '/modules/annotate/exchange/exchange.js';
import { createReview } from '/modules/annotate/review/review.js';
import { createStatistics } from '/modules/annotate/statistics/statistics.js';

const api = new Api(new URL('/', location.href).href, 'harness');
api.person = 'Rosa';

const said = { decided: [], restored: [], trouble: [], imported: [] };
const review = createReview({
  api,
  onDecided: (face, revision) => said.decided.push([face, revision]),
  onRestored: (face, result) => said.restored.push([face, result]),
  onTrouble: (message) => said.trouble.push(message),
});
const statistics = createStatistics({ api });
const exchange = createExchange({ api, onImported: (report) => said.imported.push(report) });
document.getElementById('root').append(review.element);
document.body.append(statistics.element, exchange.element);
document.addEventListener('keydown', (event) => document.querySelector('dialog[open]') || review.keys(event));

Object.assign(window, { api, review, statistics, exchange, said });

/** As the tab does it: the face as it is now, then its review. */
window.open = async (faceId) => {
  const { face } = await api.face(faceId);
  const { scheme } = await api.project(face.project_id);
  await review.show(face, scheme);
};
window.isReady = true;
