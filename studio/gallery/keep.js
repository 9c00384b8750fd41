// 'Add to project': asks which one, has Python add the faces, tells how far that is.
//
// From the grid comes the event 'faceloom:keep' with {seeds}.
// props.told: {html, isRunning, projectId, stamp}, from Python.

const find = (selector) => element.querySelector(selector);
const [line, dialog, form] = [find('.fl-keep-line'), find('dialog'), find('form')];
const [select, nameField] = [form.elements.project, form.elements.name];
const complaint = find('.fl-message');
const [NEW, FIRST_NAME, LAST_USED] = ['', 'faces', 'faceloom.project'];
const WAIT = 'Other faces are being added. Wait for them, or cancel that first.';

let seeds = [];
let projects = null; // null: not known yet
let problem = ''; // why they are not known
let told = null;

const many = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

// --- asking

async function ask(asked) {
  [seeds, projects, problem] = [asked, null, ''];
  find('h2').textContent = `Add ${many(seeds.length, 'face')} to a project`;
  select.replaceChildren(new Option('Looking ...'));
  draw();
  dialog.showModal();
  try {
    projects = await knownProjects();
    offer();
  } catch (error) {
    problem = `${error.message} Close this and try again.`;
  }
  draw();
}

async function knownProjects() {
  const base = new URL('.', document.baseURI).href;
  const { Api } = await import(new URL('modules/annotate/api.js', base));
  return (await new Api(base, '').projects()).projects;
}

/** Choose the project that was used last, else the newest one, else a first one. */
function offer() {
  const options = projects.map(({ id, name, num_faces: counts }) =>
    new Option(`${name} (${many(sum(Object.values(counts)), 'face')})`, id));
  select.replaceChildren(...options, new Option('New project ...', NEW));
  const last = localStorage.getItem(LAST_USED);
  select.value = projects.some(({ id }) => String(id) === last) ? last : projects.at(-1)?.id ?? NEW;
  nameField.value = projects.length ? '' : FIRST_NAME;
  draw();
  (select.value === NEW ? nameField : select).focus();
  nameField.select();
}

function draw() {
  const isNew = projects !== null && select.value === NEW;
  find('.fl-keep-new').hidden = !isNew;
  nameField.required = isNew;
  select.disabled = projects === null;
  form.querySelector('[type=submit]').disabled = projects === null || Boolean(told?.isRunning);
  complaint.textContent = problem || (told?.isRunning ? WAIT : '');
  complaint.hidden = !complaint.textContent;
}

select.addEventListener('change', () => {
  draw();
  if (select.value === NEW) nameField.focus();
});
form.addEventListener('submit', () => {
  line.hidden = true; // what it told was about others
  trigger('keep', { seeds, project: select.value === NEW ? nameField.value : Number(select.value) });
});
document.addEventListener('faceloom:keep', (event) => ask(event.detail.seeds));
document.addEventListener('faceloom:picks', () => dialog.close()); // other faces came meanwhile

// --- telling

function tell() {
  ({ told } = props);
  line.hidden = !told;
  draw();
  if (!told) return;
  find('.fl-keep-told').innerHTML = told.html;
  find('[data-do=stop]').hidden = !told.isRunning;
  find('[data-do=dismiss]').hidden = told.isRunning;
  find('[data-do=annotate]').hidden = told.isRunning || told.projectId === null;
  if (told.projectId !== null) localStorage.setItem(LAST_USED, told.projectId);
}

/**
 * The Annotate tab goes by the page's address: when it starts, or when it hears of a new one.
 * It hears of it here and now, since once it is shown it writes its own place there.
 */
function annotate() {
  window.history.replaceState(window.history.state, '', `#project=${told.projectId}`);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
  document.querySelector('#tab-annotate-button').click();
}

const does = {
  annotate,
  stop: () => trigger('stop'),
  dismiss: () => { line.hidden = true; },
  close: () => dialog.close(),
};
element.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close(); // the ground around it
  does[event.target.dataset.do]?.();
});

watch('told', tell);
