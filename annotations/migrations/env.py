"""What Alembic runs: the steps, on the connection and in the transaction of `migrate`."""

from __future__ import annotations

from alembic import context

from annotations.models import Base

# Only the naming of constraints is taken from the models; steps spell out everything else.
context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
