"""Who may come in, and who it is that asks. Knows no gradio, no torch and no database.

Start with `Gate` (gate.py), through which every request comes; accounts.py says what the
file of `--auth` holds, sessions.py how a browser stays signed in.
"""

from studio.people.accounts import Accounts, clean_name
from studio.people.asking import person_of, signed_in
from studio.people.gate import Gate
from studio.people.origins import is_this_machine
from studio.people.people import People, open_people

__all__ = [
    "Accounts",
    "Gate",
    "People",
    "clean_name",
    "is_this_machine",
    "open_people",
    "person_of",
    "signed_in",
]
