"""Opening and migrating databases, and every way in which that can go wrong."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from annotations import AnnotationStore
from annotations.database import open_database, workspace_exists, workspace_url
from annotations.errors import (
    AnnotationError,
    DamagedDatabaseError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    NewerDatabaseError,
    NotFoundError,
    ReadOnlyError,
)
from annotations.migrate import MIGRATIONS
from annotations.models import Base
from tests.painted_faces import labels, new_face, project_with_faces
from tests.postgres_server import fresh_database

SECOND_STEP = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("CREATE TABLE second (id INTEGER)")
    op.execute("INSERT INTO second VALUES (7)")
    {ending}
"""


def with_second_step(folder: Path, ending: str = "pass") -> Path:
    """The migrations of this Faceloom and one more."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(MIGRATIONS, folder)
    (folder / "versions" / "v0002_second.py").write_text(SECOND_STEP.format(ending=ending))
    return folder


def file_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def sqlite_schema(file: Path) -> dict[str, list[str]]:
    """Name -> the parts of its definition, in no order, of all that is no trigger."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger'"
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(query).fetchall()
    return {
        name: sorted(line.strip().rstrip(",") for line in sql.splitlines())
        for name, sql in rows
        if name != "alembic_version"
    }


def content(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_migrations_and_models_make_the_same_sqlite_schema(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'models.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    migrated = sqlite_schema(file_of(sqlite_database_url))
    assert migrated == sqlite_schema(tmp_path / "models.db") and "faces" in migrated


def test_migrations_and_models_make_the_same_postgres_schema(
    migrated_postgres: str, postgres_server: str
) -> None:
    def schema(url: str) -> dict[str, object]:
        engine = create_engine(url)
        found = inspect(engine)
        tables = {
            table: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in columns]
            )
            for table in found.get_table_names()
            if table != "alembic_version" and (columns := found.get_columns(table))
        }
        with engine.connect() as connection:
            rules = connection.execute(
                text(
                    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
                    "FROM pg_constraint WHERE conrelid > 16000 UNION "
                    "SELECT tablename, indexname, indexdef FROM pg_indexes "
                    "WHERE schemaname = 'public'"
                )
            ).all()
        engine.dispose()
        return {**tables, "rules": sorted(map(tuple, rules))}

    with fresh_database(postgres_server) as url:
        engine = create_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        by_models = schema(url)
    migrated = schema(migrated_postgres)
    migrated["rules"] = [rule for rule in migrated["rules"] if rule[0] != "alembic_version"]  # type: ignore[attr-defined]
    assert migrated == by_models and len(migrated) == 10


def test_a_workspace_is_made_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACELOOM_DATABASE_URL", raising=False)
    workspace = tmp_path / "new %41 folder"
    assert not workspace_exists(workspace)
    with AnnotationStore.open(workspace) as store:
        store.projects.create("faces")
        assert store.where == str(workspace / "faceloom.db")
    assert workspace_exists(workspace)
    with AnnotationStore.open(workspace) as store:
        assert [project.name for project in store.projects.list()] == ["faces"]
    assert not (workspace / "backups").exists()


def test_the_environment_replaces_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELOOM_DATABASE_URL", "postgresql://somewhere/masks")
    assert workspace_url(tmp_path) == "postgresql://somewhere/masks"
    assert workspace_exists(tmp_path / "nowhere")


def test_acknowledged_means_on_disk(sqlite_database_url: str) -> None:
    database = open_database(sqlite_database_url)
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for transaction in (database.reading, database.writing):
        with transaction() as session:
            found = {name: session.scalar(text(f"PRAGMA {name}")) for name in wanted}
        assert found == wanted
    database.close()
    database.close()


def test_a_failed_transaction_leaves_nothing_behind(database_url: str) -> None:
    database = open_database(database_url)
    with pytest.raises(RuntimeError, match="stop"), database.writing() as session:
        session.execute(text("CREATE TABLE left_behind (id INTEGER)"))
        raise RuntimeError("stop")
    with database.reading() as session:
        assert "left_behind" not in inspect(session.connection()).get_table_names()
    database.close()


def test_a_migration_backs_up_the_file_first(sqlite_database_url: str, tmp_path: Path) -> None:
    file = file_of(sqlite_database_url)
    with AnnotationStore.open_url(sqlite_database_url) as store:
        project_with_faces(store, 2)
    before = content(file)
    migrations = with_second_step(tmp_path / "migrations")
    open_database(sqlite_database_url, migrations=migrations).close()
    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.name.startswith("faceloom-2") and backup.name.endswith("-schema-0001.db")
    assert content(backup) == before
    assert any(line.startswith("INSERT INTO") and "second" in line for line in content(file))
    open_database(sqlite_database_url, migrations=migrations).close()
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_a_migration_that_fails_changes_nothing_and_can_be_run_again(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    file = file_of(sqlite_database_url)
    before = content(file)
    broken = with_second_step(tmp_path / "migrations", "op.execute('SELECT * FROM nowhere')")
    for _ in range(2):
        with pytest.raises(DatabaseError, match="no such table: nowhere"):
            open_database(sqlite_database_url, migrations=broken)
        assert content(file) == before
    open_database(sqlite_database_url).close()
    repaired = with_second_step(tmp_path / "migrations")
    open_database(sqlite_database_url, migrations=repaired).close()
    assert "second" in sqlite_schema(file)


def test_a_failed_migration_changes_nothing_on_postgres_either(
    postgres_server: str, tmp_path: Path
) -> None:
    with fresh_database(postgres_server) as url:
        open_database(url).close()
        broken = with_second_step(tmp_path / "migrations", "op.execute('SELECT * FROM nowhere')")
        with pytest.raises(DatabaseError, match='relation "nowhere" does not exist'):
            open_database(url, migrations=broken)
        engine = create_engine(url)
        assert "second" not in inspect(engine).get_table_names()
        engine.dispose()
        open_database(url).close()


def test_a_newer_database_is_refused_and_not_touched(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    open_database(sqlite_database_url, migrations=with_second_step(tmp_path / "migrations")).close()
    file = file_of(sqlite_database_url)
    before = file.read_bytes()
    with pytest.raises(NewerDatabaseError, match=r"has schema version '0002'. This .* knows 0001"):
        open_database(sqlite_database_url)
    assert file.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "faceloom.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (id INTEGER)")
    before = file.read_bytes()
    with pytest.raises(DamagedDatabaseError, match=r"another program .*'bookmarks'.*not touched"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "faceloom.db"
    file.write_bytes(b"masks, I promise\n" * 1000)
    before = file.read_bytes()
    with pytest.raises(DamagedDatabaseError, match=r"damaged or not a database.*'backups'"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_damaged_file_says_so_when_the_damage_is_met(sqlite_database_url: str) -> None:
    with AnnotationStore.open_url(sqlite_database_url) as store:
        project_id, _ = project_with_faces(store, 50)
    file = file_of(sqlite_database_url)
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\x55" * (len(whole) - 8192))
    with (
        pytest.raises(DamagedDatabaseError, match="damaged or not a database"),
        AnnotationStore.open_url(sqlite_database_url) as store,
    ):
        store.faces.page(project_id)


def test_a_truncated_file_is_refused(sqlite_database_url: str) -> None:
    file = file_of(sqlite_database_url)
    file.write_bytes(file.read_bytes()[:6000])
    with pytest.raises(DamagedDatabaseError, match="damaged or not a database"):
        open_database(sqlite_database_url)


def test_a_locked_database_says_so_and_loses_nothing(database_url: str) -> None:
    other = open_database(database_url)
    with AnnotationStore(open_database(database_url, busy_seconds=0.2)) as store:
        _, (face,) = project_with_faces(store)
        with other.writing() as session:
            session.execute(text("UPDATE face_states SET status = status"))
            with pytest.raises(DatabaseBusyError, match="Nothing was changed; try again"):
                store.masks.save(face, labels(), "Ann", parent_id=None, save_key="k")
            assert store.masks.history(face) == ()
        assert store.masks.save(face, labels(), "Ann", parent_id=None, save_key="k").is_current
    other.close()


def test_threads_of_one_studio_wait_in_line_but_not_for_ever(sqlite_database_url: str) -> None:
    database = open_database(sqlite_database_url, busy_seconds=0.1)
    with (
        database.writing(),
        ThreadPoolExecutor(1) as pool,
        pytest.raises(DatabaseBusyError, match="locked"),
    ):
        pool.submit(AnnotationStore(database).projects.create, "faces").result()
    database.close()


def test_a_full_disk_says_so_and_loses_nothing(sqlite_database_url: str) -> None:
    with AnnotationStore.open_url(sqlite_database_url) as store:
        project_id, _ = project_with_faces(store, 1)
        with store._database.writing() as session:
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(DiskFullError, match=r"full. Nothing was changed.*free some space"):
            store.faces.add(project_id, [new_face(seed) for seed in range(1, 30)])
        assert store.faces.page(project_id).total == 1
        with store._database.writing() as session:
            session.execute(text("PRAGMA max_page_count = 100000"))
        store.faces.add(project_id, [new_face(seed) for seed in range(1, 30)])
        assert store.faces.page(project_id).total == 30


def test_a_read_only_database_can_be_read(sqlite_database_url: str) -> None:
    with AnnotationStore.open_url(sqlite_database_url) as store:
        project_id, _ = project_with_faces(store, 2)
    url = f"sqlite:///file:{file_of(sqlite_database_url)}?mode=ro&uri=true"
    with AnnotationStore.open_url(url) as store:
        assert store.faces.page(project_id).total == 2
        with pytest.raises(ReadOnlyError, match=r"may not be written here. Nothing was changed"):
            store.projects.create("more")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "The database URL cannot be read"),
        ("faceloom.db", "The database URL cannot be read. It should look like sqlite:////path"),
        ("mysql://name:secret@host/masks", "'mysql' is not supported. Use sqlite or postgresql"),
        ("sqlite://", "Masks need a file"),
        ("sqlite:////proc/nowhere/faceloom.db", "/proc/nowhere cannot be made"),
        ("sqlite:////proc", "/proc cannot be opened"),
        ("postgresql://name:secret@127.0.0.1:1/masks", "127.0.0.1:1/masks cannot be used: .*refus"),
    ],
)
def test_a_url_that_leads_nowhere_is_explained_without_its_password(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message) as caught:
        open_database(url)
    assert "secret" not in str(caught.value) + caught.value.where


def test_ids_of_deleted_rows_do_not_come_back(database_url: str) -> None:
    with AnnotationStore.open_url(database_url) as store:
        project_id, faces = project_with_faces(store, 2)
        store.faces.remove(faces[1])
        assert store.faces.add(project_id, [new_face(5)]).face_ids[0] > faces[1]


def test_errors_inside_a_transaction_keep_their_kind(database_url: str) -> None:
    def refuse(raised: Exception) -> None:
        with database.writing():
            raise raised

    database = open_database(database_url)
    cases: list[tuple[type[Exception], Callable[[], None]]] = [
        (NotFoundError, lambda: refuse(NotFoundError("face", 1))),
        (KeyError, lambda: refuse(KeyError("no face 1"))),
    ]
    for kind, run in cases:
        with pytest.raises(kind, match="no face 1"):
            run()
    assert issubclass(DatabaseError, AnnotationError)
    database.close()
