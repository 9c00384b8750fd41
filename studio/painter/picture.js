/** The face's image as shown: brightness and contrast are for the eye only. */

export class Picture {
  /**
   * Loads an image of this host.
   * @param {string} url @param {number} width of the map @param {number} height of the map
   * @throws {Error} if there is no such image
   */
  static async load(url, width, height) {
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
    } catch {
      throw new Error('The image of this face could not be loaded. Check the connection and open it again.');
    }
    return new Picture(image, width, height);
  }

  /** @param {CanvasImageSource} image drawn to the size of the map */
  constructor(image, width, height) {
    this.canvas = Object.assign(document.createElement('canvas'), { width, height });
    this.context = this.canvas.getContext('2d');
    this.context.imageSmoothingQuality = 'high';
    this.context.drawImage(image, 0, 0, width, height);
    this.isPlain = true;
  }

  /** @param {number} brightness -100 to 100, added @param {number} contrast -100 to 100, around grey */
  adjust(brightness, contrast) {
    if (brightness === 0 && contrast === 0 && this.isPlain) return;
    const { width, height } = this.canvas;
    this.source ??= this.context.getImageData(0, 0, width, height);
    const levels = levelTable(brightness, contrast);
    const shown = new ImageData(width, height);
    const [from, to] = [this.source.data, shown.data];
    for (let i = 0; i < from.length; i += 4) {
      to[i] = levels[from[i]];
      to[i + 1] = levels[from[i + 1]];
      to[i + 2] = levels[from[i + 2]];
      to[i + 3] = from[i + 3];
    }
    this.context.putImageData(shown, 0, 0);
    this.isPlain = brightness === 0 && contrast === 0;
  }
}

/** Grey level -> shown grey level. Contrast 100 is 5 times as steep, -100 a fifth. */
function levelTable(brightness, contrast) {
  const slope = 5 ** (contrast / 100);
  const offset = brightness * 1.28;
  return Uint8ClampedArray.from({ length: 256 }, (_, level) => (level - 127.5) * slope + 127.5 + offset);
}
