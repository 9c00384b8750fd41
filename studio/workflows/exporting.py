"""From a recipe to a folder with a labelled dataset."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from annotations import default_scheme
from annotations.taxonomy import LabelScheme
from core.attributes.measures import ATTRIBUTES
from core.attributes.pack import KIND as ATTRIBUTE_KIND
from core.export.describing import describe
from core.export.engines import BuildMaker, Maker, open_engine
from core.export.formats import Format
from core.export.pictures import Suffix
from core.export.plan import Plan
from core.export.quality_filter import Bounds, Judged, needs_pilot, settled
from core.export.recipe import Recipe, one_of
from core.export.run import Export
from core.export.sample import Attribute, DatasetFacts, MaskClass, Weights
from core.export.verifying import Verification, verify
from core.files import sha256_of
from core.generators import Identity, Runtime
from core.progress import OnStep, Step, ignore
from core.segmentation import ClassSet, Segmenter
from studio.export_formats import FORMATS
from studio.model_cache import ModelCache
from studio.workflows.class_schemes import class_set
from studio.workflows.export_faces import needs_control
from studio.workflows.export_maker import (
    FaceMaker,
    MakerSettings,
    open_directions,
    open_labelled,
    open_maker,
)
from studio.workflows.export_painted import PaintedMaker, PaintedProject, open_painted
from studio.workflows.segmenter_choice import promoted

LIBRARIES = ("faceloom", "torch", "openvino", "numpy", "pillow")  # that pixels and files depend on
NO_RUNTIME = "none, all faces are painted"


@dataclass(frozen=True)
class ExportRequest:
    """engine: of ENGINES. workers, address: of Ray; see `RayEngine`."""

    recipe: Recipe
    engine: str = "local"
    workers: int | None = None
    address: str | None = None


def export_to_folder(
    request: ExportRequest,
    folder: Path,
    models: ModelCache,
    workspace: Path,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Make the dataset, or what is missing of it; returns the figures.

    on_step: may raise Cancelled, or wait, which is a pause. Raises CoreError; what was finished
    before is whole, and the same request goes on with it.
    """
    recipe = request.recipe
    formats = chosen_formats(recipe)
    engine = open_engine(request.engine, request.workers, request.address)
    with open_painted(recipe, folder, workspace) as painted:
        plan = Plan(recipe, () if painted is None else painted.faces)
        on_step(Step(0, len(plan), "opening the generator", "faces"))
        if painted is not None and not recipe.count:
            parts = _only_painted(plan, painted, models)
        else:
            parts = _generated(request, plan, painted, models, workspace, on_step)
        export = Export(
            plan,
            parts.facts,
            formats,
            engine,
            parts.settle,
            parts.maker_of,
            describe,
            None if painted is None else painted_maker(painted, recipe, models),
        )
        figures = export.run(folder, on_step)
    return {**figures, "engine": request.engine, "runtime": parts.runtime, "out": str(folder)}


@dataclass(frozen=True)
class _Parts:
    """What an export is put together from; see `Export`."""

    facts: DatasetFacts
    settle: Callable[[], Bounds]
    maker_of: Callable[[Bounds], BuildMaker]
    runtime: str


def _generated(
    request: ExportRequest,
    plan: Plan,
    painted: PaintedProject | None,
    models: ModelCache,
    workspace: Path,
    on_step: OnStep,
) -> _Parts:
    recipe = request.recipe
    segmenter, runtime = open_labelled(recipe, models, workspace)
    open_directions(recipe, models, workspace)  # refused before anything is written
    if painted is not None:
        generator = models.generator(models.name(recipe.generator))
        painted.check_with(generator.identity, segmenter.classes)
    facts = facts_of(plan, segmenter, runtime, models, workspace)
    settings = MakerSettings(
        recipe,
        facts,
        Bounds(),
        models.weights.folder.resolve(),
        workspace,
        models.device,
        suffixes_of(recipe, facts),
    )
    makers = _Makers(settings, models, on_step)
    maker_of = makers.here if request.engine == "local" else makers.elsewhere
    return _Parts(facts, lambda: makers.settle(plan), maker_of, str(runtime.facts))


def _only_painted(plan: Plan, painted: PaintedProject, models: ModelCache) -> _Parts:
    facts = painted_facts(plan, painted, models)
    maker = painted_maker(painted, plan.recipe, models)
    return _Parts(facts, Bounds, lambda bounds: maker, NO_RUNTIME)


def painted_facts(plan: Plan, painted: PaintedProject, models: ModelCache) -> DatasetFacts:
    """Nothing is generated: whatever scheme the project has, and without its generator.

    Raises InvalidRequestError where the recipe is for another one.
    """
    recipe = plan.recipe
    if recipe.generator is not None:
        name = models.name(recipe.generator)
        painted.check_generator(Identity(name, models.weights.entry(name).sha256))
    scheme, made_by = painted.scheme, painted.generator
    weights = Weights("generator", made_by.name, made_by.sha256, "unknown here: ask its makers")
    if _is_here(made_by, models):
        weights = _registered("generator", made_by.name, models)
    return _facts(
        plan,
        scheme.name,
        mask_classes(class_set(scheme), scheme),
        (weights,),
        dict(scheme.conventions),
        NO_RUNTIME,
    )


def painted_maker(painted: PaintedProject, recipe: Recipe, models: ModelCache) -> BuildMaker:
    """What fetches the painted faces, opened when it is called."""

    def opened() -> Maker:
        made_by = painted.generator
        scale = models.quality_scale(made_by.name) if _is_here(made_by, models) else None
        return PaintedMaker(painted, recipe, scale)

    return opened


def _is_here(generator: Identity, models: ModelCache) -> bool:
    known = models.weights.entries().get(generator.name)
    return known is not None and known.sha256 == generator.sha256


def verify_folder(folder: Path, on_step: OnStep = ignore) -> Verification:
    """Whether everything that an export wrote is there and as it was written."""
    return verify(folder, FORMATS, on_step=on_step)


def chosen_formats(recipe: Recipe) -> dict[str, type[Format]]:
    """Raises InvalidRequestError for names of no format."""
    for name in recipe.formats:
        one_of("formats", name, tuple(FORMATS))
    return {name: FORMATS[name] for name in recipe.formats}


def suffixes_of(recipe: Recipe, facts: DatasetFacts) -> tuple[Suffix, ...]:
    """Of the image files that the recipe's formats hold."""
    formats = chosen_formats(recipe)
    return tuple(sorted({made(Path(), facts).suffix for made in formats.values()}))


def facts_of(
    plan: Plan, segmenter: Segmenter, runtime: Runtime, models: ModelCache, workspace: Path
) -> DatasetFacts:
    """What holds for the whole dataset."""
    is_default = _is_default(segmenter.classes)
    return _facts(
        plan,
        default_scheme().name if is_default else "segmenter",
        mask_classes(segmenter.classes, default_scheme()),
        _weights(plan.recipe, models, workspace),
        dict(default_scheme().conventions) if is_default else {},
        str(runtime.facts),
    )


def _facts(
    plan: Plan,
    scheme: str,
    classes: tuple[MaskClass, ...],
    weights: tuple[Weights, ...],
    conventions: Mapping[str, str],
    runtime: str,
) -> DatasetFacts:
    recipe = plan.recipe
    attributes = [Attribute(a.name, a.title, a.unit) for a in ATTRIBUTES.values()]
    return DatasetFacts(
        name=recipe.name,
        size=recipe.size,
        splits=plan.splits,
        scheme=scheme,
        classes=classes,
        weights=weights,
        attributes=tuple(attributes) if recipe.measure else (),
        recipe=recipe.plain(),
        versions={**{name: _version(name) for name in LIBRARIES}, "runtime": runtime},
        conventions=conventions,
        is_marked=recipe.mark,
        chunk_size=plan.chunk_size,
        image_format=recipe.images,  # type: ignore[arg-type]  # the recipe checks it
        painted=plan.painted,
    )


def mask_classes(classes: ClassSet, scheme: LabelScheme) -> tuple[MaskClass, ...]:
    """The segmenter's classes; part names are the scheme's, by the names of classes."""
    mirrored = classes.mirrored()
    found = []
    for index, (id_, name) in enumerate(zip(classes.ids, classes.names, strict=True)):
        known = scheme.by_name.get(name)
        partner = None if mirrored[index] == index else classes.ids[mirrored[index]]
        part = known.part if known else None
        found.append(MaskClass(id_, name, classes.colours[index], part, partner))
    return tuple(found)


def _is_default(classes: ClassSet) -> bool:
    return [(c.id, c.name) for c in default_scheme().classes] == list(
        zip(classes.ids, classes.names, strict=True)
    )


def _weights(recipe: Recipe, models: ModelCache, workspace: Path) -> tuple[Weights, ...]:
    """That took part, with their licences."""
    name = models.name(recipe.generator)
    found = [_registered("generator", name, models)]
    choice = promoted(workspace)
    asked = recipe.segmenter
    if asked is not None and asked not in models.weights.entries():
        found.append(Weights("segmenter", Path(asked).name, sha256_of(Path(asked)), _OWN))
    elif asked is None and choice and choice.generator_sha256 == found[0].sha256:
        found.append(Weights("segmenter", choice.file, choice.sha256, _OWN))
    else:
        known = asked or models.weights.made_for(name, "segmenter")[0]
        found.append(_registered("segmenter", known, models))
    if needs_control(recipe):
        packs = models.weights.made_for(name, ATTRIBUTE_KIND)
        found += [_registered("attributes", pack, models) for pack in packs[:1]]
    return tuple(found)


_OWN = "made by the people who made this dataset; derived from the generator: the same terms"


def _registered(role: str, name: str, models: ModelCache) -> Weights:
    known = models.weights.entry(name)
    source = known.source.get("wheel") or known.source.get("file") or ""
    return Weights(role, known.name, known.sha256, " ".join(known.licence.split()), source)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


class _Makers:
    """Opens a maker in this process once, or tells workers how to open their own."""

    def __init__(self, settings: MakerSettings, models: ModelCache, on_step: OnStep) -> None:
        self._settings = settings
        self._on_step = on_step
        self._opened: Callable[[], FaceMaker] = functools.cache(lambda: FaceMaker(settings, models))

    def settle(self, plan: Plan) -> Bounds:
        """The bounds of the filter, by a pilot where it asks for shares."""
        asked = plan.recipe.filter
        pilot: list[Judged] = []
        if needs_pilot(asked):
            pilot = self._opened().pilot(plan, asked.pilot, self._on_step)
        return settled(asked, pilot)

    def here(self, bounds: Bounds) -> BuildMaker:
        def opened() -> Maker:
            maker = self._opened()
            maker.bounds = bounds
            return maker

        return opened

    def elsewhere(self, bounds: Bounds) -> BuildMaker:
        return functools.partial(open_maker, replace(self._settings, bounds=bounds))
