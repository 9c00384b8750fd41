"""Which face a mask's name stands for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from annotations.errors import BadMaskError, BadRequestError
from annotations.interchange.manifest import read_identities
from annotations.records import Face


class MatchBy(StrEnum):
    """manifest: by the masks.json of an export; auto: that, if there is one.

    Otherwise the name is a number: seed, as `sample` names pictures; position of the face
    in its project from 0, as `segment` numbers masks; or id in this database.
    """

    AUTO = "auto"
    MANIFEST = "manifest"
    SEED = "seed"
    POSITION = "position"
    ID = "id"


def matcher(by: MatchBy, folder: Path, faces: Sequence[Face]) -> Callable[[str], Face]:
    """A function from a mask's name to its face, which raises BadMaskError for a stranger.

    Raises BadRequestError if the folder has no manifest and no other way was chosen.
    """
    if by in (MatchBy.AUTO, MatchBy.MANIFEST):
        identities = read_identities(folder)
        if identities is None:
            raise BadRequestError(
                f"{folder} has no masks.json that says which mask is whose. "
                "Say how its names match: by seed, position or id."
            )
        return _by_identity(identities, faces)
    if by == MatchBy.POSITION:
        return _by_number(by, {place: [face] for place, face in enumerate(faces)})
    table: dict[int, list[Face]] = defaultdict(list)
    for face in faces:
        key = face.id if by == MatchBy.ID else face.seed
        if key is not None:
            table[key].append(face)
    return _by_number(by, table)


def _by_identity(identities: dict[str, str], faces: Sequence[Face]) -> Callable[[str], Face]:
    known = {face.identity_sha256: face for face in faces}

    def match(name: str) -> Face:
        if name not in identities:
            raise BadMaskError(f"masks.json does not list '{name}'.")
        if identities[name] not in known:
            raise BadMaskError(f"The face of '{name}' is not in this project.")
        return known[identities[name]]

    return match


def _by_number(by: MatchBy, table: dict[int, list[Face]]) -> Callable[[str], Face]:
    def match(name: str) -> Face:
        if not name.isascii() or not name.isdigit() or len(name) > 20:
            raise BadMaskError(f"'{name}' is no number, so it names no {by} of a face.")
        faces = table.get(int(name), [])
        if not faces:
            raise BadMaskError(f"No face of this project has the {by} {int(name)}.")
        if len(faces) > 1:
            raise BadMaskError(
                f"{len(faces)} faces of this project have the {by} {int(name)}; match by id."
            )
        return faces[0]

    return match
