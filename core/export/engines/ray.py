"""Workers of a Ray cluster, each of which holds a maker; one machine is a cluster, too.

The driver (this process) hands out chunks and writes what comes back, so that only it needs the
output folder. A worker that dies costs its chunk's time: another one makes it again.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from core.errors import CoreError, InvalidRequestError
from core.export.engines.engine import BuildMaker, MadeChunk, Maker, OnChunk, OnFaces
from core.export.engines.handing import Handing
from core.export.sample import Chunk

DEATHS = 3  # of a worker's place in a row, before the run gives up
_AGAIN = "Finished chunks are kept: look after the cluster and run the same command again."
PATIENCE = 0.5  # s between two looks, in which a cancel is heard


class Worker:
    """What runs in a worker's process. cpus: that it may keep busy."""

    def __init__(self, build_maker: BuildMaker, cpus: int) -> None:
        os.environ.setdefault("FACELOOM_THREADS", str(cpus))  # for core/generators
        self._build = build_maker
        self._maker: Maker | None = None

    def make(self, chunk: Chunk) -> MadeChunk:
        self._maker = self._maker or self._build()  # here, so that its errors arrive as they are
        return self._maker.make(chunk, lambda count: None)


class RayEngine:
    """workers: how many; None: one for each CPU or GPU of the cluster. address: of a running
    cluster, as `ray.init` takes it; None: $RAY_ADDRESS, else a cluster of this machine alone.

    Raises InvalidRequestError where Ray is not installed.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        if workers is not None and not 1 <= workers <= 1000:
            raise InvalidRequestError(f"workers must be in 1..1000, is {workers}.")
        self._ray = _installed()
        self._workers = workers
        self._address = address or os.environ.get("RAY_ADDRESS")

    def run(
        self,
        chunks: Iterable[Chunk],
        build_maker: BuildMaker,
        on_chunk: OnChunk,
        on_faces: OnFaces,
    ) -> None:
        """As `Engine.run`. on_faces: hears of whole chunks. In memory here: the chunks that are
        written or wait; in Ray's store: one a worker."""
        with self._cluster() as ray, Handing(on_chunk) as handing:
            crew = _Crew(ray, build_maker, *self._sizes(ray))
            try:
                for made in crew.made(chunks, on_faces):
                    handing.put(made)
                    on_faces(len(made.samples))
            except ray.exceptions.RayError as error:
                raise CoreError(
                    f"The Ray cluster went away ({_first_line(error)}). {_AGAIN}"
                ) from error
            finally:
                crew.dismiss()

    @contextmanager
    def _cluster(self) -> Iterator[Any]:
        ray = self._ray
        is_ours = not ray.is_initialized()
        if is_ours:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported
            os.environ.setdefault("RAY_worker_niceness", "0")  # by default they give way to all
            os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
            here: dict[str, Any] = {"num_cpus": max(self._workers or 0, os.cpu_count() or 1)}
            where = {"address": self._address} if self._address else here
            try:
                ray.init(
                    **where,
                    include_dashboard=None if self._address else False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (OSError, RuntimeError, ValueError) as error:
                raise CoreError(
                    f"No Ray cluster can be reached at {self._address or 'this machine'} "
                    f"({error!s:.300}). Start one: ray start --head. Or use --engine local."
                ) from error
        try:
            yield ray
        finally:
            if is_ours:
                ray.shutdown()

    def _sizes(self, ray: Any) -> tuple[int, float, float]:  # noqa: ANN401 - a module
        """Workers, and CPUs and GPUs of each."""
        has = ray.cluster_resources()
        cpus, gpus = has.get("CPU", 1.0), has.get("GPU", 0.0)
        workers = self._workers or max(1, int(gpus or cpus))
        return workers, max(1.0, cpus // workers), min(1.0, gpus / workers)


class _Crew:
    """The workers, and who of them makes what."""

    def __init__(
        self,
        ray: Any,  # noqa: ANN401 - a module
        build_maker: BuildMaker,
        workers: int,
        cpus: float,
        gpus: float,
    ) -> None:
        self._ray = ray
        self._build = ray.put(build_maker)
        self._cpus = int(cpus)
        self._actor = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(Worker)
        self._idle = [self._hired() for _ in range(workers)]
        self._busy: dict[Any, tuple[Any, Chunk]] = {}  # what is awaited -> worker and chunk
        self._deaths_left = self._most = DEATHS * workers

    def made(self, chunks: Iterable[Chunk], on_faces: OnFaces) -> Iterator[MadeChunk]:
        """All chunks, as they get done."""
        source, again = iter(chunks), deque[Chunk]()
        while True:
            while self._idle:
                chunk = again.popleft() if again else next(source, None)
                if chunk is None:
                    break
                worker = self._idle.pop()
                self._busy[worker.make.remote(chunk)] = worker, chunk
            if not self._busy:
                return
            done, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=PATIENCE)
            on_faces(0)
            for awaited in done:
                worker, chunk = self._busy.pop(awaited)
                made = self._result(awaited)
                if made is None:
                    again.append(chunk)
                    self._idle.append(self._hired())
                    continue
                self._idle.append(worker)
                del awaited, done  # lets Ray's store forget it
                yield made
                break

    def _result(self, awaited: Any) -> MadeChunk | None:  # noqa: ANN401 - Ray's reference
        """None: its worker died. Raises what the maker raised."""
        errors = self._ray.exceptions
        try:
            made: MadeChunk = self._ray.get(awaited)
        except errors.RayTaskError as error:
            raise (getattr(error, "cause", None) or error) from error
        except (errors.RayActorError, errors.ObjectLostError, errors.WorkerCrashedError) as error:
            self._deaths_left -= 1
            if self._deaths_left <= 0:
                raise CoreError(
                    f"{self._most} Ray workers died one after another ({_first_line(error)}). "
                    f"{_AGAIN}"
                ) from error
            return None
        self._deaths_left = self._most
        return made

    def _hired(self) -> Any:  # noqa: ANN401 - Ray's handle
        return self._actor.remote(self._build, self._cpus)

    def dismiss(self) -> None:
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            with suppress(self._ray.exceptions.RayError):  # gone already
                self._ray.kill(worker)


def _installed() -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise InvalidRequestError(
            f"Ray is not installed ({error}). Install it: pip install 'faceloom[ray]'. "
            "Or use --engine local."
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
