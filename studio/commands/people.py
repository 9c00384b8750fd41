"""`launch.py people`: who may come into a studio that runs with `--auth`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from core.errors import Cancelled, InvalidRequestError
from core.progress import OnStep
from studio.commands.frame import Report, verb
from studio.people.accounts import changing, clean_name, read_accounts, readable_by_others
from studio.people.passwords import LONGEST, PasswordHash, check_strength

_name = click.argument("name")
_auth = click.option(
    "--auth",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The accounts file: one person a line.",
)


def _stdin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--password-stdin",
        "is_piped",
        is_flag=True,
        help="Read the password from standard input instead of asking for it.",
    )(command)


@click.group()
def people() -> None:
    """Say who may come into a studio that runs with --auth."""


@people.command()
@_name
@_auth
@_stdin_option
@verb
def add(*, on_step: OnStep, name: str, auth: Path, is_piped: bool) -> Report:
    """Add NAME to the accounts file, which is made if missing. Example:

    python launch.py people add Ada --auth people.txt
    """
    name = clean_name(name)
    if auth.exists():
        _refuse_known(name, read_accounts(auth), auth)  # before a password is thought of
    secret = _new_password(name, is_piped)
    with changing(auth) as accounts:
        _refuse_known(name, accounts, auth)
        accounts[name] = secret
    text = f"{name} may come in now. Start the studio with: python launch.py --auth {auth}"
    return Report(text, {"name": name, "file": str(auth), "people": len(accounts)})


@people.command()
@_name
@_auth
@_stdin_option
@verb
def password(*, on_step: OnStep, name: str, auth: Path, is_piped: bool) -> Report:
    """Give NAME a new password; sessions begun with the old one end."""
    name = _known(name, read_accounts(auth), auth)
    secret = _new_password(name, is_piped)
    with changing(auth) as accounts:
        accounts[_known(name, accounts, auth)] = secret
    text = f"{name} has a new password and has to sign in with it."
    return Report(text, {"name": name, "file": str(auth)})


@people.command()
@_name
@_auth
@verb
def remove(*, on_step: OnStep, name: str, auth: Path) -> Report:
    """Take NAME out of the accounts file; what they painted stays theirs."""
    with changing(auth) as accounts:
        name = _known(name, accounts, auth)
        accounts[name] = None
    left = len(accounts) - 1
    text = f"{name} may not come in any more; {left} people are left. Their work is kept."
    return Report(text, {"name": name, "file": str(auth), "people": left})


@people.command("list")
@_auth
@verb
def list_people(*, on_step: OnStep, auth: Path) -> Report:
    """Show who is in the accounts file, and whether the file is sound."""
    names = list(read_accounts(auth))
    warning = readable_by_others(auth)
    text = "\n".join([*names, *([f"Warning: {warning}"] if warning else [])])
    figures = {"file": str(auth), "people": names, "warning": warning or None}
    return Report(text or f"Nobody is in {auth}.", figures)


def _known(name: str, accounts: dict[str, Any], auth: Path) -> str:
    name = clean_name(name)
    if name not in accounts:
        raise InvalidRequestError(
            f"{name!r} is not in {auth}. Who is: python launch.py people list --auth {auth}"
        )
    return name


def _refuse_known(name: str, accounts: dict[str, Any], auth: Path) -> None:
    if name in accounts:
        raise InvalidRequestError(
            f"{name!r} is in {auth} already. For a new password: "
            f"python launch.py people password {name!r} --auth {auth}"
        )


def _new_password(name: str, is_piped: bool) -> PasswordHash:
    chosen = _piped() if is_piped else _asked(name)
    check_strength(chosen, name)
    return PasswordHash.of(chosen)


def _piped() -> str:
    """One line of UTF-8; the line break that ends it is no part of the password."""
    content = sys.stdin.buffer.read(LONGEST * 4 + 3)
    try:
        return content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The password on standard input is not UTF-8 text.") from error


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        raise InvalidRequestError(
            "There is no terminal to ask for the password. Give it with --password-stdin."
        )
    try:
        answer: str = click.prompt(
            f"Password for {name}", hide_input=True, confirmation_prompt="The same again", err=True
        )
    except click.Abort as error:
        raise Cancelled("No password, nothing changed.") from error
    return answer
