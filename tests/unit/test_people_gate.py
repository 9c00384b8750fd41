"""The gate: strangers, forged and ended sessions, foreign pages, names of this machine."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from studio.people import Gate, People
from studio.people.accounts import changing
from studio.people.gate import MOST_BYTES
from studio.people.passwords import PasswordHash
from tests.own_loop import run
from tests.people import CHEAP, Time, gated, people_in, written

HOME = "http://studio.example:7860"
HERE = "http://127.0.0.1:7860"
HTML = {"accept": "text/html,*/*;q=0.8"}
ADA = {"username": "Ada", "password": "correct horse"}


class Browser:
    """Asks a gate without a network, one request at a time, and keeps its cookies."""

    def __init__(self, gate: Gate, home: str = HOME, address: str = "192.0.2.1") -> None:
        transport = httpx.ASGITransport(gate, client=(address, 1234))
        self._client = httpx.AsyncClient(transport=transport, base_url=home)
        self.cookies = self._client.cookies

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return run(self._client.request(method, path, **options))

    def sign_in(self, **form: str) -> httpx.Response:
        return self.ask("POST", "/sign-in", data={**ADA, **form})


@pytest.fixture
def people(tmp_path: Path) -> People:
    return people_in(tmp_path)


@pytest.fixture
def browser(people: People) -> Iterator[Browser]:
    yield Browser(gated(people))


def code_of(answer: httpx.Response) -> tuple[int, str]:
    said = answer.json()
    assert set(said) == {"error", "code"} and said["error"].endswith(".")
    return answer.status_code, said["code"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/annotate/projects", "/gradio_api/info", "/modules/x.js"])
def test_nobody_gets_anything_without_signing_in(browser: Browser, method: str, path: str) -> None:
    answer = browser.ask(method, path, headers={"x-faceloom-person": "Ada"})
    assert code_of(answer) == (401, "no_person")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "./sign-in"),
        ("/annotate", "./sign-in?next=/annotate"),
        ("/a/b%2Fc?d=e f&g=%C3%B6", "../sign-in?next=/a/b%252Fc%3Fd%3De%2520f%26g%3D%25C3%25B6"),
    ],
)
def test_a_visit_leads_to_the_sign_in_page_and_on(
    browser: Browser, path: str, location: str
) -> None:
    answer = browser.ask("GET", path, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    page = answer.url.join(location)
    done = browser.ask("POST", str(page), data=ADA)
    assert done.status_code == 303 and page.join(done.headers["location"]) == answer.url


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "\\evil", "/\\evil", "/a\r\nx: y", "", "ö"]
)
def test_the_way_on_leads_to_no_other_host(browser: Browser, wanted: str) -> None:
    answer = browser.ask("POST", f"/sign-in?next={quote(wanted)}", data=ADA)
    landed = httpx.URL(HOME + "/sign-in").join(answer.headers["location"])
    assert answer.status_code == 303 and str(landed).startswith(HOME + "/")


def test_the_page_is_plain_and_signs_in(browser: Browser) -> None:
    page = browser.ask("GET", "/sign-in")
    assert page.status_code == 200 and "<script" not in page.text and "http" not in page.text
    assert 'role="alert" hidden' in page.text and "autofocus" in page.text
    cookie = browser.sign_in().headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/;", "Max-Age=2592000"):
        assert part in cookie
    assert "Secure" not in cookie
    said = browser.ask("POST", "/echo", content="x").json()
    assert said == {"person": "Ada", "signed_in": "Ada", "body": "x"}
    assert browser.ask("GET", "/sign-in").headers["location"] == "./"


def test_the_cookie_is_secure_where_the_page_is(people: People) -> None:
    cookie = Browser(gated(people), "https://studio.example").sign_in().headers["set-cookie"]
    assert "Secure" in cookie
    proxied = Browser(gated(people)).ask(
        "POST", "/sign-in", data=ADA, headers={"x-forwarded-proto": "https"}
    )
    assert "Secure" in proxied.headers["set-cookie"]


def test_the_name_that_is_signed_in_counts_not_the_one_that_is_said(browser: Browser) -> None:
    browser.sign_in()
    said = browser.ask("GET", "/echo", headers={"x-faceloom-person": "Zo%C3%AB"}).json()
    assert said["person"] == "Ada"


def test_names_and_passwords_may_be_composed_either_way(browser: Browser) -> None:
    form = {"username": "Zoë", "password": "battery stäple"}
    browser.sign_in(**{key: unicodedata.normalize("NFD", value) for key, value in form.items()})
    assert browser.ask("GET", "/echo").json()["person"] == "Zoë"


def test_a_wrong_password_and_an_unknown_name_look_and_cost_the_same(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compared = []
    matches = PasswordHash.matches
    monkeypatch.setattr(
        PasswordHash, "matches", lambda self, word: compared.append(self) or matches(self, word)
    )
    wrong = browser.sign_in(password="wrong word")
    unknown = browser.sign_in(username="My:Secret")
    assert wrong.status_code == unknown.status_code == 401 and len(compared) == 2
    assert wrong.text.replace("Ada", "") == unknown.text.replace("My:Secret", "")
    assert "do not belong together" in wrong.text and "set-cookie" not in wrong.headers
    assert "Wrong password for 'Ada' from 192.0.2.1" in caplog.text
    assert "My:Secret" not in caplog.text and "an unknown name" in caplog.text


def test_what_was_typed_comes_back_as_text(browser: Browser) -> None:
    page = browser.sign_in(username='"><script>alert(1)</script>', password="x").text
    assert "<script>" not in page and "&quot;&gt;&lt;script&gt;" in page


def test_guessing_has_to_wait_longer_and_longer(people: People) -> None:
    clock = Time()
    gate = gated(People(people.accounts, people.sessions, clock))
    guesser, ada = Browser(gate), Browser(gate, address="198.51.100.1")
    assert [guesser.sign_in(password="wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    refused = guesser.sign_in()  # the right one, too soon: not even looked at
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "Try again in 1 second." in refused.text and 'value="Ada"' in refused.text
    assert ada.sign_in().status_code == 429  # another address, the same name
    clock.now += 1
    assert ada.sign_in().status_code == 303
    codes = [guesser.sign_in(username=f"N{number}").status_code for number in range(16)]
    assert codes == [401] * 15 + [429]  # other names, the same address
    assert code_of(guesser.ask("POST", "/login", data=ADA)) == (429, "too_many_attempts")
    assert guesser.ask("GET", "/sign-in").status_code == 200


def test_many_guesses_at_once_do_not_slip_through(people: People) -> None:
    async def all_at_once() -> list[int]:
        transport = httpx.ASGITransport(gated(people))
        async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
            wrong = {**ADA, "password": "wrong"}
            asked = [client.post("/sign-in", data=wrong) for _ in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert sorted(run(all_at_once())) == [401] * 5 + [429] * 15


@pytest.mark.parametrize("path", ["/sign-in", "/login"])
def test_a_huge_form_is_refused_before_it_is_read(browser: Browser, path: str) -> None:
    read = 0

    async def body():
        nonlocal read
        yield b"username=Ada&password="
        for _ in range(10_000):
            read += 1024
            yield b"x" * 1024

    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = browser.ask("POST", path, content=body(), headers=form)
    assert answer.status_code == 413 and f"more than {MOST_BYTES} bytes" in answer.text
    assert "set-cookie" not in answer.headers and read < 10_000 * 1024


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"username=Ada", "application/x-www-form-urlencoded"),
        (b'{"username": "Ada", "password": "correct horse"}', "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"broken", "multipart/form-data"),
        (
            b'--x\r\nContent-Disposition: form-data; name="username"; filename="a"\r\n\r\nAda\r\n'
            b"--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (b"&".join(b"a%d=1" % number for number in range(50)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_broken_form_is_refused(browser: Browser, content: bytes, kind: str) -> None:
    answer = browser.ask("POST", "/login", content=content, headers={"content-type": kind})
    assert code_of(answer) == (400, "bad_request")


def test_programs_sign_in_with_either_kind_of_form(browser: Browser) -> None:
    answer = browser.ask("POST", "/login", data=ADA)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    parts = {key: (None, value) for key, value in ADA.items()}
    assert browser.ask("POST", "/login", files=parts).status_code == 200
    wrong = browser.ask("POST", "/login", data={**ADA, "password": "wrong"})
    assert code_of(wrong) == (401, "wrong_password")


def test_other_methods_on_our_pages_are_refused(browser: Browser) -> None:
    assert code_of(browser.ask("DELETE", "/sign-in")) == (405, "bad_request")
    assert code_of(browser.ask("PUT", "/sign-out")) == (405, "bad_request")


def test_the_session_of_somebody_removed_ends(browser: Browser, people: People) -> None:
    browser.sign_in()
    with changing(people.accounts.path) as accounts:
        accounts["Ada"] = None
    assert code_of(browser.ask("POST", "/echo")) == (401, "no_person")
    assert browser.sign_in().status_code == 401


def test_a_new_password_ends_the_sessions_of_the_old_one(browser: Browser, people: People) -> None:
    browser.sign_in()
    with changing(people.accounts.path) as accounts:
        accounts["Ada"] = PasswordHash.of("a new password", CHEAP)
    assert code_of(browser.ask("POST", "/echo")) == (401, "no_person")
    browser.sign_in(password="a new password")
    assert browser.ask("POST", "/echo").status_code == 200


def test_a_broken_accounts_file_shuts_nobody_out(browser: Browser, people: People) -> None:
    browser.sign_in()
    people.accounts.path.write_text("Ada:broken\n")
    assert browser.ask("POST", "/echo").json()["person"] == "Ada"
    written(people.accounts.path, {"Zoë": "battery stäple"})
    assert browser.ask("POST", "/echo").status_code == 401


def test_a_restarted_studio_still_knows_its_people(browser: Browser, tmp_path: Path) -> None:
    browser.sign_in()
    accounts = (tmp_path / "people.txt").read_bytes()
    people = people_in(tmp_path)  # writes new hashes: put back those of before
    (tmp_path / "people.txt").write_bytes(accounts)
    again = Browser(gated(people))
    again.cookies.update(browser.cookies)
    assert again.ask("POST", "/echo").json()["person"] == "Ada"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signing_out_ends_copies_of_the_cookie_too(browser: Browser, method: str) -> None:
    browser.sign_in()
    copy = httpx.Cookies(browser.cookies)
    answer = browser.ask(method, "/sign-out", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "./sign-in")
    assert not browser.cookies
    browser.cookies.update(copy)
    assert browser.ask("GET", "/echo").status_code == 401


def test_no_other_site_can_sign_people_out(browser: Browser) -> None:
    browser.sign_in()
    answer = browser.ask("GET", "/sign-out", headers={"sec-fetch-site": "cross-site", **HTML})
    assert code_of(answer) == (403, "foreign_origin")
    picture = browser.ask("GET", "/sign-out", headers={"accept": "image/*"})
    assert code_of(picture) == (405, "bad_request")
    assert browser.ask("GET", "/echo").status_code == 200


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "http://studio.example:9999"},
    {"origin": "http://studio.example.evil.example:7860"},
    {"origin": "null"},
    {"origin": "http://["},
    {"origin": ""},
    {"origin": "file://studio.example:7860"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "http://studio.example:7860"},
]
OWN = [
    {},
    {"origin": HOME},
    {"origin": HOME.upper().replace("HTTP", "http")},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "same-origin", "origin": "null"},  # a beacon under no-referrer
    {"origin": "https://proxy.example", "x-forwarded-host": "proxy.example"},
    {"origin": "https://proxy.example", "x-forwarded-host": "proxy.example:443, inner"},
    {"origin": "https://proxy.example", "sec-fetch-site": "same-origin"},
]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("headers", FOREIGN)
def test_foreign_pages_write_nothing(people: People, method: str, headers: dict[str, str]) -> None:
    for gate in (gated(), gated(people)):
        answer = Browser(gate).ask(method, "/echo", headers=headers)
        assert code_of(answer) == (403, "foreign_origin")


@pytest.mark.parametrize("headers", OWN)
def test_our_own_page_and_programs_may_write(headers: dict[str, str]) -> None:
    assert Browser(gated()).ask("POST", "/echo", headers=headers).status_code == 200


def test_foreign_pages_may_link_to_us_but_not_read() -> None:
    browser = Browser(gated())
    linked = browser.ask("GET", "/", headers={"sec-fetch-site": "cross-site", **HTML})
    assert linked.status_code == 200
    evil = {"origin": "https://evil.example"}
    for method in ("GET", "OPTIONS"):
        assert code_of(browser.ask(method, "/", headers=evil)) == (403, "foreign_origin")


@pytest.mark.parametrize(
    "host", ["evil.example:7860", "127.0.0.1.evil.example", "192.0.2.7", "", "[", "localhost@evil"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_names_of_this_machine_lead_nowhere(host: str, method: str) -> None:
    answer = Browser(gated(only_here=True), HERE).ask(method, "/", headers={"host": host})
    assert code_of(answer) == (403, "foreign_host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "127.0.0.9", "[::1]", "[::1]:7860"]
)
def test_this_machines_own_names_lead_here(host: str) -> None:
    browser = Browser(gated(only_here=True), HERE)
    assert browser.ask("GET", "/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, ""),
        ({"x-faceloom-person": "Zoe%CC%88%20K."}, "Zoë K."),
        ({"cookie": "faceloom-person=Zo%C3%AB"}, "Zoë"),
        ({"x-faceloom-person": "Ada", "cookie": "faceloom-person=Zo%C3%AB"}, "Ada"),
        ({"x-faceloom-person": "%FF"}, ""),
        ({"x-faceloom-person": "a%0Ab"}, ""),
        ({"x-faceloom-person": "a" * 101}, ""),
    ],
)
def test_without_accounts_the_name_is_the_one_that_is_said(
    headers: dict[str, str], name: str
) -> None:
    said = Browser(gated()).ask("GET", "/echo", headers=headers).json()
    assert (said["person"], said["signed_in"]) == (name, None)


@pytest.mark.parametrize(
    "headers", [[], [(b"origin", b"https://evil.example")]], ids=["nobody", "foreign"]
)
def test_websockets_come_through_the_gate_too(people: People, headers: list[Any]) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/ws", "headers": headers, "query_string": b""}
    run(gated(people)(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_streams_pass_through_piece_by_piece(people: People) -> None:
    """Each piece is with the reader before the next one is made."""
    steps: list[str] = []

    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            steps.append(f"made {number}")
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 2})

    async def send(message: Any) -> None:
        steps.append(message["type"].removeprefix("http.response."))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    cookie = f"{people.sessions.cookie}={people.sessions.begin('Ada', hash_of(people, 'Ada'))}"
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream",
        "query_string": b"",
        "headers": [(b"cookie", cookie.encode())],
    }
    run(Gate(streaming, people, False)(scope, receive, send))
    assert steps == ["start", "made 0", "body", "made 1", "body", "made 2", "body"]


def test_below_a_root_path_the_cookie_stays_there(people: People) -> None:
    transport = httpx.ASGITransport(gated(people), root_path="/studio")

    async def signed_in() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=HOME) as client:
            return await client.post("/studio/sign-in", data=ADA)

    answer = run(signed_in())
    assert answer.status_code == 303 and "Path=/studio;" in answer.headers["set-cookie"]


def hash_of(people: People, name: str) -> PasswordHash:
    return people.accounts.current()[name]
