"""Formats that core writes by itself; `FORMATS` lists them by name."""

from core.export.formats.format import FileGroup, Format, Stored
from core.export.formats.huggingface import HuggingFace
from core.export.formats.lapa import LaPa
from core.export.formats.webdataset import WebDataset

FORMATS: dict[str, type[Format]] = {known.name: known for known in (HuggingFace, WebDataset, LaPa)}

__all__ = ["FORMATS", "FileGroup", "Format", "HuggingFace", "LaPa", "Stored", "WebDataset"]
