"""The dataset in Croissant's words, for search engines and loaders.

Croissant 1.0: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.export.formats.format import FileGroup, Format
from core.export.marks import DIGITAL_SOURCE_TYPE
from core.export.sample import DatasetFacts
from core.files import sha256_of, write_whole
from core.images import SOFTWARE

FILE = "croissant.json"
METADATA = "metadata.jsonl"
VERSION = "1.0.0"
_CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_TERMS = (
    "citeAs",
    "column",
    "equivalentProperty",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_NUMBERS = {"place": "sc:Integer", "identity": "sc:Integer", "seed": "sc:Integer"}
_KINDS = {
    "images": ["sc:ImageObject"],
    "masks": ["sc:ImageObject", "cr:SegmentationMask"],
}
_Json = dict[str, Any]


def write_croissant(
    folder: Path, facts: DatasetFacts, formats: Sequence[Format], licence_url: str, about: str
) -> Path:
    """Write croissant.json; metadata.jsonl must be there. about: what the dataset is."""
    groups = [
        (f"{known.name}-{place}", known, group)
        for known in formats
        for place, group in enumerate(known.groups())
    ]
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": facts.name,
        "description": about,
        "version": VERSION,
        "citeAs": f"{facts.name}, a synthetic dataset made with {SOFTWARE}",
        "license": licence_url,
        "creator": {"@type": "sc:Organization", "name": SOFTWARE},
        "keywords": ["synthetic", "faces", "face parsing", "segmentation", DIGITAL_SOURCE_TYPE],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": METADATA,
                "name": METADATA,
                "description": "One JSON object a face.",
                "contentUrl": METADATA,
                "encodingFormat": "application/jsonlines",
                "sha256": sha256_of(folder / METADATA),
            },
            *(_file_set(identity, known, group) for identity, known, group in groups),
        ],
        "recordSet": [
            _splits(facts),
            _classes(facts),
            _faces(facts),
            *(_files(identity, group) for identity, _, group in groups if group.holds in _KINDS),
            *(
                _rows(identity)
                for identity, _, group in groups
                if group.media_type == "application/x-parquet"
            ),
        ],
    }
    write_whole(folder / FILE, (json.dumps(content, indent=1) + "\n").encode())
    return folder / FILE


def _file_set(identity: str, known: Format, group: FileGroup) -> _Json:
    return {
        "@type": "cr:FileSet",
        "@id": identity,
        "name": identity,
        "description": f"{group.holds.capitalize()} in the format '{known.name}'.",
        "encodingFormat": group.media_type,
        "includes": f"{known.folder.name}/{group.pattern}",
    }


def _splits(facts: DatasetFacts) -> _Json:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_field("splits/name", "sc:Text"), _field("splits/faces", "sc:Integer")],
        "data": [
            {"splits/name": split, "splits/faces": count} for split, count in facts.splits.items()
        ],
    }


def _classes(facts: DatasetFacts) -> _Json:
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "description": "What the values of a mask mean.",
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/id"},
        "field": [
            _field("classes/id", "sc:Integer"),
            _field("classes/name", ["sc:Text", "sc:name"]),
        ],
        "data": [{"classes/id": label.id, "classes/name": label.name} for label in facts.classes],
    }


def _faces(facts: DatasetFacts) -> _Json:
    fields = [
        _field(f"faces/{name}", kind, _column(METADATA, name)) for name, kind in _NUMBERS.items()
    ]
    split = _field("faces/split", "sc:Text", _column(METADATA, "split"))
    split["references"] = {"field": {"@id": "splits/name"}}
    fields.append(split)
    if facts.painted:
        told = "Who labelled the face: 'generated', the label branch; 'painted', people."
        fields.append(_field("faces/source", "sc:Text", _column(METADATA, "source"), told))
    for known in facts.attributes:
        source = _column(METADATA, "measured")
        source["transform"] = {"jsonPath": f"$.{known.name}"}
        told = f"Measured: {known.title or known.name}{f', {known.unit}' if known.unit else ''}."
        fields.append(_field(f"faces/{known.name}", "sc:Float", source, told))
    return _record_set("faces", "place", fields)


def _files(identity: str, group: FileGroup) -> _Json:
    """A file a record; its name says whose it is."""

    def source(what: str) -> _Json:
        return {"fileSet": {"@id": identity}, "extract": {"fileProperty": what}}

    named = {**source("filename"), "transform": {"regex": r"^0*(\d+)\."}}
    record_set = f"{identity}-{group.holds}"
    fields = [
        _field(f"{record_set}/place", "sc:Integer", named),
        _field(f"{record_set}/content", _KINDS[group.holds], source("content")),
    ]
    return _record_set(record_set, "place", fields)


def _rows(identity: str) -> _Json:
    """The columns of Parquet files; an image is a struct of its bytes and its path."""

    def source(column: str, **transform: str) -> _Json:
        extract: _Json = {"fileSet": {"@id": identity}, "extract": {"column": column}}
        return {**extract, "transform": transform} if transform else extract

    record_set = f"{identity}-rows"
    fields = [
        _field(f"{record_set}/name", "sc:Text", source("name")),
        _field(f"{record_set}/image", _KINDS["images"], source("image", jsonPath="bytes")),
        _field(f"{record_set}/mask", _KINDS["masks"], source("mask", jsonPath="bytes")),
    ]
    return _record_set(record_set, "name", fields)


def _record_set(name: str, key: str, fields: Sequence[_Json]) -> _Json:
    """key: the field that tells records apart."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "key": {"@id": f"{name}/{key}"},
        "field": fields,
    }


def _column(file: str, name: str) -> _Json:
    return {"fileObject": {"@id": file}, "extract": {"column": name}}


def _field(
    identity: str,
    kind: str | Sequence[str],
    source: Mapping[str, Any] | None = None,
    told: str = "",
) -> _Json:
    field: _Json = {"@type": "cr:Field", "@id": identity, "name": identity, "dataType": kind}
    if told:
        field["description"] = told
    return field if source is None else {**field, "source": source}
