// The header: light or dark (without a choice the system's wish counts, as Gradio has it); and
// the way into the Annotate tab, which Gradio builds only when it is first shown.

const button = element.querySelector('.fl-scheme');
const KEY = 'faceloom.scheme';

function show() {
  button.textContent = document.body.classList.contains('dark') ? 'Light' : 'Dark';
}

const asked = localStorage.getItem(KEY);
if (asked) document.body.classList.toggle('dark', asked === 'dark');
button.addEventListener('click', () => {
  const isDark = document.body.classList.toggle('dark');
  localStorage.setItem(KEY, isDark ? 'dark' : 'light');
  show();
});
show();

// It is built while nobody waits, so that it opens at once.
const whenIdle = window.requestIdleCallback ?? ((run) => setTimeout(run, 500));
whenIdle(async () => {
  try {
    const { prepareAnnotate } = await import(new URL('modules/annotate/annotate.js', document.baseURI));
    await prepareAnnotate({ base: new URL('.', document.baseURI).href });
  } catch {
    // Then it is built when it is opened, and says what is wrong.
  }
});

// A link to a face or a project, #face=12, leads there; so does one to a steered face, #control=...
const linked = /[#&](?:(control)|face|project)=/.exec(location.hash);
if (linked) {
  const look = setInterval(() => {
    const tab = document.querySelector(linked[1] ? '#tab-control-button' : '#tab-annotate-button');
    tab?.click();
    if (tab?.classList.contains('selected')) clearInterval(look);
  }, 50);
}
