"""A process that serves something small behind the gate, for tests that kill it.

python -m tests.people_server gradio|echo PORT WORKSPACE ACCOUNTS

Says its address once it answers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from starlette.types import ASGIApp

from studio.people import Accounts, Gate, open_people, person_of
from studio.server import bind, serve
from tests.people import application

PAUSE = 0.4  # seconds between two pieces of a stream


def page() -> ASGIApp:
    import gradio as gr  # seconds that echo need not wait
    from fastapi import FastAPI

    def greet(word: str, request: gr.Request) -> str:
        return f"{word}, {person_of(request.request)}"

    greet.__annotations__["request"] = gr.Request  # imported here, so not found by its name

    def count() -> Iterator[str]:
        for number in range(3):
            yield f"{number} {time.time()}"
            time.sleep(PAUSE)

    blocks: gr.Blocks
    with gr.Blocks(analytics_enabled=False) as blocks:
        word, answer = gr.Textbox(), gr.Textbox()
        gr.Button().click(greet, word, answer, api_name="greet")
        gr.Button().click(count, None, answer, api_name="count")
    return gr.mount_gradio_app(FastAPI(), blocks, path="/", ssr_mode=False, pwa=False)


def main(kind: str, port: str, workspace: str, accounts: str) -> None:
    app = page() if kind == "gradio" else application()
    people = open_people(Accounts(Path(accounts)), Path(workspace))
    taken = bind("127.0.0.1", int(port))
    address = f"http://127.0.0.1:{taken.getsockname()[1]}\n"
    serve(Gate(app, people, only_here=False), taken, lambda: _say(address))


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
