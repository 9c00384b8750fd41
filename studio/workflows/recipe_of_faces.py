"""From faces of the Control tab to a recipe for an export: many people of that kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import InvalidRequestError

KEY = "faces"  # of a file that `recipes_as_yaml` writes
VARIANTS = {"count": 8, "change": ["light", "hair"]}  # of a photo's face


def is_of_faces(content: Mapping[Any, Any]) -> bool:
    return KEY in content


def recipe_of_faces(content: Mapping[Any, Any]) -> tuple[dict[str, Any], list[str]]:
    """Keys of an export's recipe, and what of the faces has no place in it, in words.

    Ages, genders and sliders become shares of the people. Raises InvalidRequestError.
    """
    faces = _faces(content[KEY])
    generators = sorted({str(face.get("generator")) for face in faces})
    if len(generators) > 1:
        raise InvalidRequestError(
            f"faces: they are of several generators ({', '.join(generators)}), an export is of "
            "one. Take those of one generator."
        )
    told: dict[str, Any] = {"generator": generators[0], "psi": faces[0].get("psi")}
    notes = ["Seeds are drawn anew: an export shows many people of that kind, not these."]
    if any("base" in face for face in faces):
        base, notes = _of_photo(faces)
        told |= base
    ages = [face["age"] for face in faces if "age" in face]
    genders = [face["gender"] for face in faces if "gender" in face]
    if len(ages) == len(faces):
        told["ages"] = {f"{age:g}": n / len(ages) for age, n in sorted(Counter(ages).items())}
    elif ages:
        notes.append("Some faces are of an age and some as drawn; ages are left out.")
    if len(genders) == len(faces):
        told["gender_ratio"] = genders.count("female") / len(genders)
    elif genders:
        notes.append("Some faces are of a gender and some as drawn; genders are left out.")
    if traits := _traits(faces):
        told["traits"] = traits
    if any(face.get("keep") or face.get("mixing") for face in faces):
        notes.append("What is kept and the average face have no place in an export's recipe.")
    if any(face.get("take") for face in faces):
        notes.append("Parts of other faces have no place in an export's recipe; they are left out.")
    return {key: value for key, value in told.items() if value is not None}, notes


def _of_photo(faces: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Pictures of the photo's person under other light and with other hair."""
    if len(faces) > 1:
        raise InvalidRequestError(
            "faces: an export is of one photo, or of people who are drawn. Take one face."
        )
    base = {"name": str(faces[0]["base"]), "sha256": faces[0].get("base_sha256")}
    count = VARIANTS["count"]
    told = {"base": base, "count": count, "variants": dict(VARIANTS), "name": "photo"}
    return told, ["All pictures are of the person on the photo: mind whose consent they need."]


def _faces(given: object) -> list[Mapping[str, Any]]:
    is_fit = isinstance(given, list) and given and all(_is_face(face) for face in given)
    if not isinstance(given, list) or not is_fit:
        raise InvalidRequestError(
            "faces: this is no list of faces as the Control tab writes it under Recipe."
        )
    return given


def _is_face(face: object) -> bool:
    if not isinstance(face, Mapping) or not isinstance(face.get("generator"), str):
        return False
    directions = face.get("directions", {})
    if not isinstance(directions, Mapping):
        return False
    numbers = [*directions.values(), face.get("age", 0), face.get("psi", 0)]
    return all(type(number) in (int, float) for number in numbers)


def _traits(faces: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each slider the share of the faces that it moves, and how far on average."""
    amounts: dict[str, list[float]] = {}
    for face in faces:
        for name, amount in face.get("directions", {}).items():
            amounts.setdefault(str(name), []).append(float(amount))
    return {
        name: {"share": len(found) / len(faces), "amount": round(sum(found) / len(found), 3)}
        for name, found in sorted(amounts.items())
    }
