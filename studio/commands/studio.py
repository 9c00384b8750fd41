"""`launch.py studio`, and `launch.py` alone: the application in the browser."""

from __future__ import annotations

import os
from pathlib import Path

import click

from core.errors import InvalidRequestError
from core.generators import Device
from core.progress import OnStep
from studio.commands.frame import Report, generator_option, verb, workspace_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=7860,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@workspace_option("Folder for everything that is kept; made if missing.")
@click.option(
    "--auth",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Let in only the people of this file; `people add` makes it. [default: everybody here]",
)
@click.option(
    "--without-auth",
    is_flag=True,
    help="Let in everybody who reaches a --host beyond this machine, without a password.",
)
@click.option("--dry-run", is_flag=True, help="Print the resolved settings and stop.")
@generator_option
@verb
def studio(
    *,
    on_step: OnStep,
    host: str,
    port: int,
    workspace: Path,
    auth: Path | None,
    without_auth: bool,
    generator: str | None,
    device: Device,
    dry_run: bool,
) -> Report:
    """Open the studio in the browser; what `launch.py` does without a verb.

    It answers this machine only, unless --host says otherwise; then --auth says whom.
    """
    from studio.people import Accounts, Gate, open_people
    from studio.server import bind, serve
    from studio.services import open_services  # torch: not for --help

    _check_who_may_come(host, auth, without_auth)
    accounts = Accounts(auth) if auth else None
    if dry_run:
        return _settings(generator, device, host, port, workspace, auth)
    with bind(host, port) as taken:
        services = open_services(workspace, generator, device)
        people = open_people(accounts, services.workspace) if accounts else None
        _stay_at_home(services.cache)
        from studio.app import build_app
        from studio.tidying import tidy_up

        app = Gate(build_app(services), people, only_here=not (people or without_auth))
        warming = services.warm_up()
        tidy_up(services)
        services.jobs.start()
        address = f"http://{host if ':' not in host else f'[{host}]'}:{taken.getsockname()[1]}"
        services.lock.announce(address)
        try:
            serve(
                app,
                taken,
                lambda: click.echo(f"Faceloom is at {address} (Ctrl-C stops it)"),
            )
        finally:
            warming.join()  # a compiler that is cut off by the end of Python crashes
            services.close()
    return Report("Faceloom has stopped.", {"address": address})


def _settings(
    generator: str | None,
    device: Device,
    host: str,
    port: int,
    workspace: Path,
    auth: Path | None,
) -> Report:
    """What --dry-run shows."""
    from core.weights import WeightStore
    from studio.model_cache import ModelCache

    settings = {
        "host": host,
        "port": port,
        "workspace": str(workspace.resolve()),
        "generator": ModelCache(WeightStore()).name(generator),
        "device": device,
        "auth": str(auth.resolve()) if auth else "none",
    }
    return Report("\n".join(f"{key}: {value}" for key, value in settings.items()), settings)


def _check_who_may_come(host: str, auth: Path | None, without_auth: bool) -> None:
    """Nobody is let in from elsewhere by mistake. Raises InvalidRequestError."""
    from studio.people import is_this_machine

    if auth and without_auth:
        raise InvalidRequestError("--auth and --without-auth exclude each other. Give one.")
    if without_auth:
        warning = "Warning: whoever reaches this studio may look and paint, under any name."
        click.echo(warning, err=True)
    elif auth is None and not is_this_machine(host):
        raise InvalidRequestError(
            f"--host {host} lets others than this machine in. Say who may come: "
            "python launch.py people add NAME --auth people.txt, then start with "
            "--auth people.txt. If everybody who reaches it may look and paint: --without-auth"
        )


def _stay_at_home(cache: Path) -> None:
    """Before gradio is imported: nothing is reported, and its files lie in the workspace."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_TEMP_DIR"] = str(cache / "gradio")
