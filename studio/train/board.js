// The table of trainings and the one that is chosen. Python draws both; here they are put
// in place only where they changed, so that scrolling, focus and a chosen text stay.
//
// props.board: {table, detail, run, at}: when its run was chosen and when it was made. Tells: pick, cancel, resume, promote, demote, each {run}.

const find = (selector) => element.querySelector(selector);
const [table, detail, report] = [find('.fl-runs'), find('.fl-run'), find('.fl-report')];
const KEPT = 'faceloom.run'; // the chosen run, as long as this browser tab lives
const drawn = new Map();
let run = null;
let [chosenAt, madeAt] = [0, 0]; // of what is shown

function put(place, html) {
  if (drawn.get(place) === html) return;
  const focused = place.contains(document.activeElement) && document.activeElement.dataset;
  const open = [...place.querySelectorAll('details[open]')].map((each) => each.dataset.name);
  drawn.set(place, html);
  place.innerHTML = html;
  for (const name of open) place.querySelector(`details[data-name="${name}"]`)?.setAttribute('open', '');
  if (focused?.run) place.querySelector(`[data-run="${focused.run}"]`)?.focus();
  else if (focused?.do) place.querySelector(`[data-do="${focused.do}"]`)?.focus();
}

/** Answers may come in another order than they were made in. */
function isNew([chosen, made]) {
  if (chosen === chosenAt && made < madeAt) return false;
  if (chosen < chosenAt) {
    if (run && made > madeAt) pick(run); // the choice came amid it, or the studio is a new one
    return false;
  }
  [chosenAt, madeAt] = [chosen, made];
  return true;
}

function draw() {
  if (!props.board || !isNew(props.board.at)) return;
  const isOther = run !== props.board.run;
  ({ run } = props.board);
  put(table, props.board.table);
  put(detail, props.board.detail);
  if (isOther) detail.scrollTop = 0;
}

function pick(name) {
  sessionStorage.setItem(KEPT, name);
  trigger('pick', { run: name });
}

function showReport(button) {
  report.querySelector('b').textContent = `Report of ${button.dataset.title}`;
  report.querySelector('a').href = button.dataset.url;
  report.querySelector('iframe').src = new URL(button.dataset.url, document.baseURI);
  report.showModal();
}

const does = {
  report: showReport,
  close: () => report.close(),
  cancel: () => trigger('cancel', { run }),
  resume: () => trigger('resume', { run }),
  promote: () => trigger('promote', { run }),
  demote: () => trigger('demote', { run }),
};

element.addEventListener('click', (event) => {
  if (event.target === report) report.close(); // the ground around it
  const button = event.target.closest('[data-do]');
  if (button) does[button.dataset.do]?.(button);
  else if (event.target.closest('tr[data-run]')) pick(event.target.closest('tr').dataset.run);
});
element.addEventListener('keydown', (event) => {
  const row = event.target.closest('tr[data-run]');
  if (!row) return;
  const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
  if (next) next.focus();
  else if (event.key === 'Enter' || event.key === ' ') pick(row.dataset.run);
  else return;
  event.preventDefault();
});
report.addEventListener('close', () => report.querySelector('iframe').removeAttribute('src'));

watch('board', draw);
draw();
if (sessionStorage.getItem(KEPT)) trigger('pick', { run: sessionStorage.getItem(KEPT) });
