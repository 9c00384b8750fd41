"""The accounts file: what it may hold, how it is changed, and what happens when it breaks."""

from __future__ import annotations

import logging
import os
import threading
import unicodedata
from pathlib import Path

import pytest

from core.errors import InvalidRequestError, OutputError
from studio.people.accounts import Accounts, changing, clean_name, read_accounts
from studio.people.passwords import PasswordHash, check_strength
from tests.people import CHEAP, written

GOOD = str(PasswordHash.of("correct horse", CHEAP))


BAD_LINES = [
    ("Ada", "line 2: there is no ':'"),
    ("Ada:", "line 2: the password hash is not scrypt"),
    ("Ada:secret", "line 2: the password hash is not scrypt"),
    ("Ada:md5$x$c2FsdHNhbHQ=$c2FsdA==", "line 2: the password hash is not scrypt"),
    (f":{GOOD}", "line 2: A name has 1 to 100 characters; this one has 0"),
    (f"{'a' * 101}:{GOOD}", "line 2: A name has 1 to 100 characters; this one has 101"),
    (f"A\u202eda:{GOOD}", "line 2: A name is made of printable characters"),
    (f"Ada:{GOOD[:-8]}", "line 2: salt or hash has not the right length"),
    (f"Ada:{GOOD[:-1]}!", "line 2: salt or hash is not base64"),
    (f"Ada:{GOOD.replace('n=16', 'n=17')}", "line 2: the parameters of the hash are out"),
    (f"Ada:{GOOD.replace('n=16', 'n=4194304')}", "line 2: the parameters of the hash are out"),
    (f"Ada:{GOOD.replace('p=1', 'p=99')}", "line 2: the parameters of the hash are out"),
    (f"Ada:{GOOD.replace('n=16', 'n=x')}", "line 2: the parameters of the hash are not n="),
    (f"Ada:{GOOD}\nAda:{GOOD}", "line 3: 'Ada' is there already"),
    (f"Zoe\u0308:{GOOD}\nZoë:{GOOD}", "line 3: 'Zoë' is there already"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_is_refused_by_its_number_without_the_hash(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = tmp_path / "people.txt"
    path.write_text(f"# people\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidRequestError, match=complaint.replace("$", "\\$")) as raised:
        Accounts(path)
    assert GOOD.split("$")[3][:20] not in str(raised.value) and "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is not there"),
        (b"", "is empty"),
        (b"# nobody yet\n", "Nobody is in the accounts file"),
        (b"# people\nAd\xff:x\n", "line 2: not UTF-8 text"),
        (b"#" * (4 * 2**20 + 1), "has more than 4 MiB"),
    ],
)
def test_a_studio_does_not_start_without_people(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "people.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=complaint):
        Accounts(path)


def test_a_folder_is_no_accounts_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="is no file"):
        Accounts(tmp_path)


def test_comments_byte_order_marks_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_bytes(f"\ufeff# people\r\n\r\n Zoe\u0308 : {GOOD} \r\n".encode())
    assert list(read_accounts(path)) == ["Zoë"]


def test_people_come_and_go_while_the_studio_runs(tmp_path: Path) -> None:
    accounts = Accounts(written(tmp_path / "people.txt", {"Ada": "correct horse"}))
    with changing(accounts.path) as people:
        people["Zoë"] = PasswordHash.of("battery stäple", CHEAP)
    assert set(accounts.current()) == {"Ada", "Zoë"}
    with changing(accounts.path) as people:
        people["Ada"] = None
    assert set(accounts.current()) == {"Zoë"}


@pytest.mark.parametrize("content", [b"", b"Ada:broken\n", None])
def test_a_file_that_breaks_later_leaves_the_last_good_people_in_force(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = Accounts(written(tmp_path / "people.txt"))
    before = dict(accounts.current())
    accounts.path.unlink() if content is None else accounts.path.write_bytes(content)
    assert [dict(accounts.current()) for _ in range(3)] == [before] * 3
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "Until then the people of before may come in" in record.getMessage()
    written(accounts.path, {"Eve": "another word"})
    assert set(accounts.current()) == {"Eve"}


def test_a_change_of_the_same_size_within_one_tick_is_seen(tmp_path: Path) -> None:
    accounts = Accounts(written(tmp_path / "people.txt", {"Ada": "correct horse"}))
    stamp = accounts.path.stat()
    accounts.path.write_bytes(accounts.path.read_bytes().replace(b"Ada:", b"Eve:"))
    os.utime(accounts.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert set(accounts.current()) == {"Eve"}


def test_changing_keeps_comments_order_and_privacy(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    path.write_text(f"# our people\nAda:{GOOD}\n\n# guests\nBob:{GOOD}\n")
    path.chmod(0o644)
    new = PasswordHash.of("a new password", CHEAP)
    with changing(path) as people:
        people["Ada"], people["Bob"], people["Cyd"] = new, None, new
    assert path.read_text() == f"# our people\nAda:{new}\n\n# guests\nCyd:{new}\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_file_is_private_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "people.txt"
    with changing(path) as people:
        people["Ada"] = PasswordHash.of("correct horse", CHEAP)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("# People of a Faceloom studio")


def test_a_link_is_followed(tmp_path: Path) -> None:
    real, link = written(tmp_path / "real.txt"), tmp_path / "link.txt"
    link.symlink_to(real)
    with changing(link) as people:
        people["Ada"] = None
    assert link.is_symlink() and list(read_accounts(real)) == ["Zoë"]


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "people.txt")
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"), changing(path) as people:
        people["Ada"] = None
    assert path.read_bytes() == before
    assert [name for name in os.listdir(tmp_path) if "unfinished" in name] == []


def test_two_who_change_the_file_at_once_lose_nobody(tmp_path: Path) -> None:
    path = written(tmp_path / "people.txt")

    def add(name: str) -> None:
        with changing(path) as people:
            people[name] = PasswordHash.of("correct horse", CHEAP)

    threads = [threading.Thread(target=add, args=(f"P{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_accounts(path)) == 14


def test_a_file_that_others_may_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "people.txt")
    Accounts(path)
    assert caplog.text == ""
    path.chmod(0o644)
    Accounts(path)
    assert "chmod 600" in caplog.text and "mode 644" in caplog.text


def test_a_password_matches_however_its_accents_are_typed() -> None:
    kept = PasswordHash.parse(str(PasswordHash.of("battery stäple", CHEAP)))
    assert kept.matches(unicodedata.normalize("NFD", "battery stäple"))
    assert not kept.matches("battery staple") and not kept.matches("")
    assert "digest" not in repr(kept) and str(kept).split("$")[3] not in repr(kept)


def test_a_new_password_costs_what_was_measured() -> None:
    assert str(PasswordHash.of("correct horse")).startswith("scrypt$n=32768,r=8,p=1$")


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("seven77", "has 7 characters; 8 to 1000"),
        ("x" * 1001, "has 1001 characters"),
        ("aaaaaaaaaa", "one character again and again"),
        ("ada lovelace", "The password is the name"),
        ("two\nlines of it", "holds control characters"),
    ],
)
def test_a_weak_password_is_refused(password: str, complaint: str) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        check_strength(password, "Ada Lovelace")


def test_a_name_is_composed_and_trimmed() -> None:
    assert clean_name(" Zoe\u0308 K. ") == "Zoë K."


@pytest.mark.parametrize("name", ["", "  ", "a:b", "#ada", "a\x00b", "a\nb", "\ud800", "x" * 101])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match="A name"):
        clean_name(name)
