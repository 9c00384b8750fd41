"""Every format that a dataset is exported in, by name: those of core and those of painted masks.

The latter are written by annotations.interchange, so that a dataset's masks are the same files
as an export of a project's, and an import reads them.
"""

from core.export.formats import FORMATS as CORE_FORMATS
from core.export.formats import Format
from studio.export_formats.celebamask import CelebAMask
from studio.export_formats.coco import CocoPanoptic, CocoRle
from studio.export_formats.painted import IndexFolder, PaletteFolder

_PAINTED: tuple[type[Format], ...] = (
    CelebAMask,
    IndexFolder,
    PaletteFolder,
    CocoPanoptic,
    CocoRle,
)
FORMATS: dict[str, type[Format]] = {**CORE_FORMATS, **{known.name: known for known in _PAINTED}}

__all__ = ["FORMATS"]
