"""Attribute packs by generator: those of the weights registry, and files of one's own."""

from __future__ import annotations

from pathlib import Path

from core.attributes.pack import KIND, AttributePack, load_pack
from core.errors import InvalidRequestError
from core.weights import WeightStore


def open_attributes(store: WeightStore, generator: str, file: Path | None = None) -> AttributePack:
    """The pack of a registered generator, or of a file.

    Raises InvalidRequestError where there is none, WeightsError where its file is missing,
    damaged, has changed, or was made for other weights.
    """
    identity = store.identity(generator)
    if file is not None:
        return load_pack(file, identity)
    names = store.made_for(generator, KIND)
    if not names:
        raise InvalidRequestError(
            f"Nothing is known of the attributes of generator '{generator}'. Learn them: "
            "python launch.py train attributes --config FILE"
        )
    return load_pack(store.checked(names[0]), identity)
