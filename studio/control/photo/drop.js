/** Files dropped on a part of the page. */

/**
 * What lies within may take a file for itself: only one of them gets it.
 * @param {HTMLElement} place
 * @param {(file: File) => void} onFile
 * @param {HTMLElement} [shown] what is marked while a file is over it
 */
export function takeDrops(place, onFile, shown = place) {
  const end = () => shown.classList.remove('fl-co-dropping');
  place.addEventListener('dragover', (event) => {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    shown.classList.add('fl-co-dropping');
  });
  place.addEventListener('dragleave', (event) => !place.contains(event.relatedTarget) && end());
  place.addEventListener('drop', (event) => {
    end();
    const [file] = event.dataTransfer.files;
    if (!file || event.defaultPrevented) return;
    event.preventDefault();
    onFile(file);
  });
}
