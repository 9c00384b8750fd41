"""What can go wrong with masks and their store, as few classes as callers need to tell apart.

Every message names the thing, the value got, what is allowed and the next step,
because it is shown to people as it is.
"""

from __future__ import annotations

from collections.abc import Sequence


class AnnotationError(Exception):
    """Anything annotations refuse or fail at, with a message fit for the user."""


class BadRequestError(AnnotationError):
    """The caller asked for something that cannot be: an empty name, a negative time."""


class BadSchemeError(AnnotationError):
    """A label scheme that cannot be read or contradicts itself."""


class BadMaskError(AnnotationError):
    """A mask that is damaged, too large, of another size, or outside its scheme."""


class BadPictureError(AnnotationError):
    """The picture or the latent of a face that cannot be kept as it is."""


class NotFoundError(AnnotationError):
    """A row that is not in the database, or no longer."""

    def __init__(self, kind: str, key: object, hint: str = "") -> None:
        super().__init__(f"There is no {kind} {key} here. {hint}".rstrip())
        self.kind = kind
        self.key = key


class NameTakenError(BadRequestError):
    """A name that something else of its kind has."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"There is a {kind} '{name}' already. Choose another name.")
        self.kind = kind
        self.name = name


class StaleRevisionError(AnnotationError):
    """A verdict on a mask that is no longer the one in force; nothing was changed."""

    def __init__(self, face_id: int, revision_id: int, current_id: int | None) -> None:
        super().__init__(
            f"Revision {revision_id} of face {face_id} is no longer the current one "
            f"({current_id} is). Look at the newer mask and decide again."
        )
        self.face_id = face_id
        self.revision_id = revision_id
        self.current_id = current_id


class MasksWouldBeLostError(AnnotationError):
    """A removal that would take painted masks with it, without being told to."""

    def __init__(self, what: str, num_revisions: int) -> None:
        super().__init__(
            f"{what} has {num_revisions} saved masks, which would go with it. "
            "Export them first, or remove with_masks=True."
        )
        self.num_revisions = num_revisions


class JobGoneError(AnnotationError):
    """A report on a job that no longer runs, or runs under another worker."""

    def __init__(self, job_id: int, state: str) -> None:
        super().__init__(
            f"Job {job_id} is {state}, and not in this worker's hands. It should stop."
        )
        self.job_id = job_id
        self.state = state


class DatabaseError(AnnotationError):
    """The database cannot be used; what was acknowledged before is safe."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


class DatabaseBusyError(DatabaseError):
    """Somebody else held the database too long; nothing was changed, try again."""


class DiskFullError(DatabaseError):
    """The disk cannot take more; nothing was changed."""


class ReadOnlyError(DatabaseError):
    """The database may be read but not written; nothing was changed."""


class DamagedDatabaseError(DatabaseError):
    """A file that is no database, or one of which parts are damaged."""


class NewerDatabaseError(DatabaseError):
    """A database that a newer Faceloom made; it was not touched."""

    def __init__(self, where: str, found: str, known: Sequence[str]) -> None:
        super().__init__(
            where,
            f"{where} has schema version '{found}'. This Faceloom knows {', '.join(known)}. "
            "It was not touched; open it with the newer Faceloom that made it.",
        )
        self.found = found
        self.known = tuple(known)
