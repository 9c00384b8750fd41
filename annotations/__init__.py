"""Masks and their store. Knows no torch and no browser.

Start with `AnnotationStore` (store.py); `records.py` says what goes in and out, `errors.py`
what can go wrong, `interchange/` how masks come from and go to files.
"""

from annotations.errors import AnnotationError
from annotations.mask_codec import LabelMap, decode_mask, encode_mask
from annotations.records import FaceStatus, NewFace, Source, Status
from annotations.store import AnnotationStore
from annotations.taxonomy import LabelScheme, default_scheme, load_scheme

__all__ = [
    "AnnotationError",
    "AnnotationStore",
    "FaceStatus",
    "LabelMap",
    "LabelScheme",
    "NewFace",
    "Source",
    "Status",
    "decode_mask",
    "default_scheme",
    "encode_mask",
    "load_scheme",
]
