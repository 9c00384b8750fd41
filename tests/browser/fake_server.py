"""A server for the painter alone: serves its modules and one or more faces, keeps what is saved."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import yaml
from PIL import Image

HERE = Path(__file__).parent
PAINTER = HERE.parents[1] / "studio" / "painter"
SCHEME = HERE.parents[1] / "annotations" / "face18.yaml"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


@dataclass
class Face:
    """One face. mask: uint8 [H, W] or None; levels: uint16 or uint32 [h, w], coarse to fine."""

    image: np.ndarray  # [H, W, 3] uint8
    mask: np.ndarray | None = None
    levels: list[np.ndarray] = field(default_factory=list)
    revision: int = 0
    changes: dict[str, Any] = field(default_factory=dict)  # to lie about the size, for instance

    def describe(self) -> dict[str, Any]:
        levels = [
            {"level": k, "width": ids.shape[1], "height": ids.shape[0], "bytes": ids.itemsize}
            for k, ids in enumerate(self.levels)
        ]
        height, width = self.image.shape[:2]
        described = {"width": width, "height": height, "revision": self.revision, "levels": levels}
        return described | {"hasMask": self.mask is not None} | self.changes


class FakeServer:
    """Faces and saves; `mood` decides what happens to a save.

    'well': kept. 'down': not kept, answered 503. 'lost': kept, but the answer is 503.
    'stale': kept, answered as stale. 'refusing': answered 422.
    """

    def __init__(self) -> None:
        self.faces: dict[str, Face] = {}
        self.saves: list[dict[str, Any]] = []  # distinct keys only: what a real store would hold
        self.attempts: list[str] = []  # the key of every attempt
        self.mood = "well"
        self.options: dict[str, Any] = {}
        self.scheme: dict[str, Any] = yaml.safe_load(SCHEME.read_text(encoding="utf-8"))
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # pages that left
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def reset(self) -> None:
        self.faces, self.saves, self.attempts, self.options = {}, [], [], {}
        self.mood = "well"

    def add(self, name: str, face: Face) -> None:
        self.faces[name] = face

    def last_map(self) -> np.ndarray:
        """The map of the latest save, uint8 [H, W]."""
        save = self.saves[-1]
        return np.frombuffer(save["map"], np.uint8).reshape(
            self.faces[save["faceId"]].image.shape[:2]
        )

    def get(self, path: str) -> tuple[str, bytes]:
        """Content type and body of a path. Raises KeyError for an unknown one."""
        parts = unquote(path).strip("/").split("/")
        if parts[0] == "setup":
            face = next(iter(self.faces))
            return as_json({"scheme": self.scheme, "options": self.options, "faceId": face})
        if parts[0] == "faces":
            return self._get_face(self.faces[parts[1]], parts[2:])
        file = PAINTER / "/".join(parts[1:]) if parts[0] == "painter" else HERE / parts[0]
        if not file.is_file():
            raise KeyError(path)
        return TYPES[file.suffix], file.read_bytes()

    def _get_face(self, face: Face, rest: list[str]) -> tuple[str, bytes]:
        raw = "application/octet-stream"
        match rest:
            case []:
                return as_json(face.describe())
            case ["image.png"]:
                buffer = io.BytesIO()
                Image.fromarray(face.image).save(buffer, "PNG", compress_level=1)
                return "image/png", buffer.getvalue()
            case ["mask"]:
                assert face.mask is not None
                return raw, face.mask.tobytes()
            case ["levels", number]:
                return raw, face.levels[int(number)].tobytes()
            case ["revisions"]:
                return as_json(
                    [{"id": k, "label": f"Save {k + 1}"} for k in range(len(self.saves))]
                )
            case ["revisions", number]:
                return raw, self.saves[int(number)]["map"]
        raise KeyError(rest)

    def save(self, request: dict[str, Any], body: bytes) -> tuple[int, bytes]:
        """Status and body for one attempt to save."""
        self.attempts.append(request["key"])
        if self.mood == "refusing":
            return 422, b"class 77 is not in the scheme"
        if self.mood == "down":
            return 503, b""
        keys = [save["key"] for save in self.saves]
        if request["key"] not in keys:
            self.saves.append(request | {"map": body})
            keys.append(request["key"])
        if self.mood == "lost":
            return 503, b""
        revision = keys.index(request["key"]) + 1
        return 200, json.dumps({"revision": revision, "stale": self.mood == "stale"}).encode()

    def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                try:
                    kind, body = server.get(self.path)
                except KeyError:
                    self._answer(404, "text/plain", b"")
                else:
                    self._answer(200, kind, body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = server.save(json.loads(self.headers["X-Request"]), body)
                self._answer(status, "application/json", answer)

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-cache")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def as_json(value: object) -> tuple[str, bytes]:
    return "application/json", json.dumps(value).encode()
