"""What the studio's workers can do, by the kind of a job."""

from __future__ import annotations

from studio.jobs.site import Kinds

KINDS: Kinds = {}
