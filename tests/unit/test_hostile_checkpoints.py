"""Files made to run code or exhaust memory on loading are refused, and do neither."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import UnsafeCheckpointError, WeightsError
from core.generators.foreign import read_foreign
from tests.hostile_checkpoints import (
    CONTAINERS,
    EXHAUSTING,
    Call,
    as_embedded_storage,
    named_call,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "stylegan2"
ALLOWED_BYTES = 192 * 2**20  # beyond what reading an honest file takes
PAYLOADS: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "system": ("posix.system", lambda s: pickle.dumps(Call(os.system, f"touch {s}"), 2)),
    "eval": ("eval", lambda s: pickle.dumps(Call(eval, f"open({str(s)!r}, 'w')"), 2)),
    "exec": ("exec", lambda s: named_call("builtins", "exec", f"open({str(s)!r}, 'w')")),
    "getattr": ("getattr", lambda s: named_call("builtins", "getattr", str(s), "open")),
    "runpy": ("runpy._run_code", lambda s: named_call("runpy", "_run_code", str(s))),
    "numpy": ("numpy.load", lambda s: named_call("numpy", "load", str(s))),
    "torch": ("torch.load", lambda s: named_call("torch", "load", str(s))),
    "dotted": ("torch._utils.os.system", lambda s: named_call("torch._utils", "os.system", "a")),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_code_in_a_checkpoint_is_refused_by_name(
    container: str, payload: str, tmp_path: Path
) -> None:
    sentinel = tmp_path / "ran"
    named, build = PAYLOADS[payload]
    path = tmp_path / "hostile.pt"
    path.write_bytes(CONTAINERS[container](build(sentinel)))
    with pytest.raises(UnsafeCheckpointError, match=rf"hostile\.pt would load .*{named}"):
        read_foreign(path)
    assert not sentinel.exists()


@pytest.mark.parametrize("container", CONTAINERS)
def test_modules_named_in_a_checkpoint_are_not_imported(
    container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentinel = tmp_path / "ran"
    (tmp_path / "sleeper.py").write_text(f"open({str(sentinel)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "hostile.pt"
    path.write_bytes(CONTAINERS[container](named_call("sleeper", "wake")))
    with pytest.raises(UnsafeCheckpointError, match=r"sleeper\.wake"):
        read_foreign(path)
    assert not sentinel.exists() and "sleeper" not in sys.modules


def test_payload_within_a_payload_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hostile.pkl"
    inner = named_call("posix", "system", f"touch {tmp_path / 'ran'}")
    path.write_bytes(as_embedded_storage(as_embedded_storage(inner)))
    with pytest.raises(UnsafeCheckpointError, match=r"torch\.storage\._load_from_bytes"):
        read_foreign(path)


def test_source_code_in_nvidias_pickles_is_not_run(tmp_path: Path) -> None:
    """The golden pickles carry this in the place of their source; here it would leave a trace."""
    content = (GOLDEN / "nvidia_ada_8_tiny.pkl").read_bytes()
    harmless, harmful = (
        b"raise SystemExit('source removed')\n",
        b"open('ran_source_code_of_it','w')\n#",
    )
    assert harmless in content and len(harmless) == len(harmful)
    path = tmp_path / "hostile.pkl"
    path.write_bytes(content.replace(harmless, harmful))
    read_foreign(path)
    assert not Path("ran_source_code_of_it").exists()


def test_state_cannot_be_set_on_a_stand_in(tmp_path: Path) -> None:
    """A BUILD on one of our constructors must not reach its attributes."""
    path = tmp_path / "hostile.pkl"
    path.write_bytes(b"\x80\x02ctorch._utils\n_rebuild_parameter\n}X\x04\x00\x00\x00makeNsb.")
    with pytest.raises(WeightsError, match="sets the state of a plain value"):
        read_foreign(path)


READ_ALL = """
import json, resource, sys
from pathlib import Path
import torch
from core.generators.foreign import read_foreign
torch.set_num_threads(1)
folder, honest, allowed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
read_foreign(honest)
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, [pages * resource.getpagesize() + allowed] * 2)
found = {}
for path in sorted(folder.iterdir()):
    try:
        read_foreign(path)
        found[path.name] = "read"
    except BaseException as error:
        found[path.name] = type(error).__name__
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What reading each exhausting file ends in, in a process that has little memory."""
    folder = tmp_path_factory.mktemp("exhausting")
    for name, build in EXHAUSTING.items():
        (folder / name).write_bytes(build())
    honest = GOLDEN / "rosinality_16_legacy.pt"
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(folder), str(honest), str(ALLOWED_BYTES)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory the way Linux does")
@pytest.mark.parametrize("name", EXHAUSTING)
def test_exhausting_files_are_refused_in_little_memory(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] in ("UnsafeCheckpointError", "WeightsError")
