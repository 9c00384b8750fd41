"""How masks come from and go to files. `FORMATS` lists the formats by name."""

from annotations.interchange.celebamask import CELEBAMASK
from annotations.interchange.coco_panoptic import PANOPTIC
from annotations.interchange.coco_rle import RLE
from annotations.interchange.exporting import ExportReport, chosen_masks, export_masks
from annotations.interchange.found import Format, IndexOrder, Problem
from annotations.interchange.importing import (
    CheckReport,
    ImportReport,
    ImportRequest,
    check_masks,
    import_masks,
)
from annotations.interchange.index_folder import INDEX
from annotations.interchange.matching import MatchBy
from annotations.interchange.palette_folder import PALETTE

FORMATS: dict[str, Format] = {
    known.name: known for known in (INDEX, PALETTE, CELEBAMASK, PANOPTIC, RLE)
}

__all__ = [
    "FORMATS",
    "CheckReport",
    "ExportReport",
    "Format",
    "ImportReport",
    "ImportRequest",
    "IndexOrder",
    "MatchBy",
    "Problem",
    "check_masks",
    "chosen_masks",
    "export_masks",
    "import_masks",
]
