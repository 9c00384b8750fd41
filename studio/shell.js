// The header: light or dark. Without a choice the system's wish counts, as Gradio has it.

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
