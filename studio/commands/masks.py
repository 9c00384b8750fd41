"""`launch.py masks`: masks from files into a workspace, out of it, and looked over."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from tqdm import tqdm

from annotations import AnnotationStore, Status, load_scheme
from annotations.database import workspace_exists
from annotations.interchange import (
    FORMATS,
    ImportRequest,
    IndexOrder,
    MatchBy,
    Problem,
    check_masks,
    export_masks,
    import_masks,
)
from core.errors import CoreError, InvalidRequestError
from core.progress import OnStep, Step
from studio.commands.frame import Report, verb, workspace_option

MAX_SHOWN = 50  # problems, then only their number

_folder = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
_workspace = workspace_option("Where faceloom.db is; $FACELOOM_DATABASE_URL replaces it.")
_project = click.option("--project", required=True, metavar="NAME", help="Which project.")
_format = click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="index",
    show_default=True,
    help="How the files hold the masks.",
)
_order = click.option(
    "--order",
    type=click.Choice([str(order) for order in IndexOrder]),
    default=str(IndexOrder.SCHEME),
    show_default=True,
    help="What the values of index PNGs mean: the scheme's ids, or CelebAMask-HQ's numbers "
    "(two orders are in use).",
)


@click.group()
def masks() -> None:
    """Import, export or check masks."""


@masks.command("import")
@_folder
@_workspace
@_project
@_format
@_order
@click.option(
    "--match",
    type=click.Choice([str(way) for way in MatchBy]),
    default=str(MatchBy.AUTO),
    show_default=True,
    help="What a file's name says of its face; auto reads the masks.json of an export.",
)
@click.option("--author", default="import", show_default=True, help="Whose masks they are.")
@click.option(
    "--status",
    type=click.Choice([str(Status.DRAFT), str(Status.DONE)]),
    default=str(Status.DRAFT),
    show_default=True,
    help="What the masks count as.",
)
@click.option("--resize", is_flag=True, help="Fit masks of other sizes to their faces.")
@click.option(
    "--replace",
    is_flag=True,
    help="Put the masks in force on faces that have one. Otherwise they are kept beside it; "
    "nothing is lost either way.",
)
@verb
def import_(
    *,
    on_step: OnStep,
    folder: Path,
    workspace: Path,
    project: str,
    format_name: str,
    order: str,
    match: str,
    status: str,
    **options: Any,  # noqa: ANN401 - the other fields of the request
) -> Report:
    """Import the masks in DIR into a project: all of them, or none. Example:

    python launch.py masks import faces/masks --project faces --match position
    """
    request = ImportRequest(
        folder,
        FORMATS[format_name],
        match=MatchBy(match),
        order=IndexOrder(order),
        status=Status(status),
        **options,
    )
    with _opened(workspace) as store:
        project_id = store.projects.named(project).id
        report = import_masks(store, project_id, request, _on_file(on_step, "reading"))
    if report.result is None:
        _refuse(report.problems, report.num_files, "Nothing was imported.")
    figures = {
        "files": report.num_files,
        "in_force": report.result.num_current,
        "beside": report.result.num_beside,
        "known": report.result.num_known,
    }
    text = (
        f"{report.num_files} masks read: {figures['in_force']} in force now, "
        f"{figures['beside']} kept beside the mask in force, {figures['known']} there already."
    )
    return Report(text, figures)


@masks.command("export")
@_folder
@_workspace
@_project
@_format
@click.option(
    "--status",
    "statuses",
    type=click.Choice([str(status) for status in Status]),
    multiple=True,
    default=[str(Status.DONE), str(Status.ACCEPTED)],
    show_default=True,
    help="Which masks to take; may be given more than once.",
)
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    metavar="PX",
    help="Of the longer side. [default: as painted; celebamask: 512]",
)
@verb
def export(
    *,
    on_step: OnStep,
    folder: Path,
    workspace: Path,
    project: str,
    format_name: str,
    statuses: tuple[str, ...],
    size: int | None,
) -> Report:
    """Write the finished masks of a project to the new folder DIR. Example:

    python launch.py masks export out --project faces --format celebamask
    """
    with _opened(workspace) as store:
        report = export_masks(
            store,
            store.projects.named(project).id,
            folder,
            FORMATS[format_name],
            statuses=[Status(status) for status in statuses],
            size=size,
            on_file=_on_file(on_step, "writing"),
        )
    figures = {
        "folder": str(folder),
        "masks": report.num_masks,
        "left_out": report.num_left_out,
        "unlabelled_pixels": report.num_unlabelled,
    }
    lost = report.num_unlabelled if format_name == "celebamask" else 0
    note = f" {lost} px that nobody labelled became background." if lost else ""
    return Report(
        f"{report.num_masks} masks in {folder}, {report.num_left_out} faces left out.{note}",
        figures,
    )


@masks.command()
@_folder
@_format
@_order
@click.option(
    "--scheme",
    "scheme_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Label scheme. [default: scheme.yaml in DIR, else the 18 classes of a face]",
)
@click.option("--size", type=click.IntRange(1, 4096), metavar="PX", help="What each must have.")
@verb
def check(
    *,
    on_step: OnStep,
    folder: Path,
    format_name: str,
    order: str,
    scheme_file: Path | None,
    size: int | None,
) -> Report:
    """Look over the masks in DIR and name every problem; changes nothing. Example:

    python launch.py masks check out --format celebamask
    """
    report = check_masks(
        folder,
        FORMATS[format_name],
        load_scheme(scheme_file) if scheme_file else None,
        order=IndexOrder(order),
        size_hw=(size, size) if size else None,
        on_file=_on_file(on_step, "checking"),
    )
    if report.problems:
        _refuse(report.problems, report.num_files, "The others are sound.")
    total = sum(report.pixel_counts.values())
    share = report.num_unlabelled / total
    figures = {
        "files": report.num_files,
        "pixels": {str(value): count for value, count in report.pixel_counts.items()},
        "unlabelled_share": share,
    }
    return Report(f"{report.num_files} masks are sound; {share:.2%} not labelled.", figures)


@contextmanager
def _opened(workspace: Path) -> Iterator[AnnotationStore]:
    """The workspace's store; one that is not there is not made by mistake."""
    if not workspace_exists(workspace):
        raise InvalidRequestError(
            f"There is no workspace in {workspace}. Give --workspace DIR, "
            "or make one by starting the studio: python launch.py"
        )
    with AnnotationStore.open(workspace) as store:
        yield store


def _on_file(on_step: OnStep, doing: str) -> Callable[[int, int], None]:
    return lambda done, total: on_step(Step(done, total, doing, "masks"))


def _refuse(problems: Sequence[Problem], num_files: int, outcome: str) -> NoReturn:
    """List problems on standard error and fail."""
    for problem in problems[:MAX_SHOWN]:
        tqdm.write(f"{problem.file}: {problem.message}", file=sys.stderr)  # not into the bar
    if len(problems) > MAX_SHOWN:
        tqdm.write(f"... and {len(problems) - MAX_SHOWN} more", file=sys.stderr)
    raise CoreError(f"{len(problems)} problems in {num_files} masks. {outcome}")
