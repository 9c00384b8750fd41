"""`masks.json` and `scheme.yaml`: written beside every export, so that it finds its way back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from annotations.errors import BadMaskError, BadRequestError
from annotations.interchange.found import read_json
from annotations.records import Face, Revision
from annotations.taxonomy import LabelScheme, load_scheme

MANIFEST_FILE, SCHEME_FILE = "masks.json", "scheme.yaml"


@dataclass(frozen=True)
class ManifestEntry:
    """Which face a name stands for, and which of its masks was exported.

    face: the id in the database it came from. identity_sha256: of the face, the same in
    every database. mask_sha256: of the mask as stored, before any resizing.
    """

    name: str
    face: int
    identity_sha256: str
    seed: int | None
    psi: float
    noise: str
    generator: str
    generator_sha256: str
    revision: int
    status: str
    author: str
    mask_sha256: str


def entry_of(name: str, face: Face, revision: Revision) -> ManifestEntry:
    return ManifestEntry(
        name=name,
        face=face.id,
        identity_sha256=face.identity_sha256,
        seed=face.seed,
        psi=face.psi,
        noise=face.noise,
        generator=face.generator,
        generator_sha256=face.generator_sha256,
        revision=revision.id,
        status=revision.status.value,
        author=revision.author,
        mask_sha256=revision.sha256,
    )


def write_manifest(
    folder: Path, format_name: str, scheme: LabelScheme, entries: Sequence[ManifestEntry]
) -> None:
    content = {
        "format": format_name,
        "scheme": scheme.name,
        "scheme_sha256": scheme.sha256,
        "masks": [asdict(entry) for entry in entries],
    }
    (folder / SCHEME_FILE).write_text(scheme.to_yaml(), encoding="utf-8")
    (folder / MANIFEST_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_identities(folder: Path) -> dict[str, str] | None:
    """Mask name -> identity of its face; None without a manifest. Raises BadRequestError."""
    path = folder / MANIFEST_FILE
    if not path.exists():
        return None
    try:
        masks = read_json(path)["masks"]
        return {str(mask["name"]): str(mask["identity_sha256"]) for mask in masks}
    except (BadMaskError, KeyError, TypeError) as error:
        raise BadRequestError(
            f"{path} does not say which mask is whose ({error}). Delete it and say how the names "
            "match: by seed, position or id."
        ) from error


def read_scheme(folder: Path) -> LabelScheme | None:
    """The scheme a folder says its masks are in, None if it says nothing."""
    path = folder / SCHEME_FILE
    return load_scheme(path) if path.exists() else None
