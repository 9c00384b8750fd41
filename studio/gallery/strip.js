// The picked faces in the order of picking, small, wherever they are about to be used.
// The text for none is the template's own.

const [row, none] = [element.querySelector('.fl-strip-row'), element.querySelector('.fl-strip-none')];

function show(picked) {
  none.hidden = picked.length > 0;
  row.replaceChildren(...picked.map((face) => {
    const item = document.createElement('span');
    const [image, seed] = [new Image(), document.createElement('span')];
    Object.assign(image, { src: face.picture, alt: '' });
    seed.textContent = face.seed;
    item.append(image, seed);
    return item;
  }));
}

document.addEventListener('faceloom:picks', (event) => show(event.detail));
if (document.faceloomPicks) show(document.faceloomPicks);
