"""`launch.py studio`, and `launch.py` alone: the application in the browser."""

from __future__ import annotations

import os
from pathlib import Path

import click

from core.generators import Device
from core.progress import OnStep
from studio.commands.frame import Report, generator_option, verb


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=7860,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("workspace"),
    show_default=True,
    metavar="DIR",
    help="Folder for everything that is kept; made if missing.",
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
    generator: str | None,
    device: Device,
    dry_run: bool,
) -> Report:
    """Open the studio in the browser; what `launch.py` does without a verb.

    It answers this machine only, unless --host says otherwise.
    """
    from studio.services import open_services  # torch: not for --help

    if dry_run:
        from core.weights import WeightStore
        from studio.model_cache import ModelCache

        name = ModelCache(WeightStore()).name(generator)
        settings = {
            "host": host,
            "port": port,
            "workspace": str(workspace.resolve()),
            "generator": name,
            "device": device,
        }
        return Report("\n".join(f"{key}: {value}" for key, value in settings.items()), settings)
    from studio.server import bind, serve

    with bind(host, port) as taken:
        services = open_services(workspace, generator, device)
        _stay_at_home(services.cache)
        from studio.app import build_app

        app = build_app(services)
        services.warm_up()
        address = f"http://{host if ':' not in host else f'[{host}]'}:{taken.getsockname()[1]}"
        services.lock.announce(address)
        try:
            serve(
                app,
                taken,
                lambda: click.echo(f"Faceloom is at {address} (Ctrl-C stops it)"),
            )
        finally:
            services.close()
    return Report("Faceloom has stopped.", {"address": address})


def _stay_at_home(cache: Path) -> None:
    """Before gradio is imported: nothing is reported, and its files lie in the workspace."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_TEMP_DIR"] = str(cache / "gradio")
