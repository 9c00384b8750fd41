"""The mark that a picture is synthetic: in its text, its EXIF and its XMP.

XMP says it as press and platforms read it: IPTC's DigitalSourceType trainedAlgorithmicMedia
[IPTC Photo Metadata Standard 2023.1; https://cv.iptc.org/newscodes/digitalsourcetype/].
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.images import SOFTWARE, text_chunks
from core.png_files import encode_png

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
JPEG_QUALITY = 95
_IMAGE_DESCRIPTION, _SOFTWARE = 0x010E, 0x0131  # tags of EXIF


@dataclass(frozen=True)
class Mark:
    """What a picture says of itself. facts: of its making, such as generator and seed.
    is_of_nobody: False where it may resemble a real person, whose photo it was made from."""

    facts: Mapping[str, str]
    is_of_nobody: bool = True

    @property
    def description(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.facts.items())
        who = "no real person" if self.is_of_nobody else "perhaps from a real person's photo"
        return f"Synthetic face, {who}; made by a neural network ({told})."

    def exif(self) -> bytes:
        exif = Image.Exif()
        exif[_IMAGE_DESCRIPTION] = self.description.encode("ascii", "replace").decode()
        exif[_SOFTWARE] = SOFTWARE
        return exif.tobytes()

    def xmp(self) -> str:
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
            ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
            f" xmp:CreatorTool={quoteattr(SOFTWARE)}"
            f" Iptc4xmpExt:DigitalSourceType={quoteattr(DIGITAL_SOURCE_TYPE)}>"
            '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
            f"{escape(self.description)}</rdf:li></rdf:Alt></dc:description>"
            '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
        )


def png_file(picture: NDArray[np.uint8], mark: Mark | None) -> bytes:
    """Picture uint8 [H, W, 3] -> PNG with the mark; None: without any. Pixels are as given."""
    if mark is None:
        return encode_png(picture)
    chunks: PngInfo = text_chunks(mark.facts)
    chunks.add_text("Description", mark.description)
    chunks.add_itxt("XML:com.adobe.xmp", mark.xmp())
    return encode_png(picture, chunks, mark.exif())


def jpeg_file(picture: NDArray[np.uint8], mark: Mark | None, quality: int = JPEG_QUALITY) -> bytes:
    """Picture uint8 [H, W, 3] -> JPEG, colours at full size, with the mark; None: without any."""
    file = io.BytesIO()
    marks = {} if mark is None else {"exif": mark.exif(), "xmp": mark.xmp().encode()}
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=0, **marks)
    return file.getvalue()
