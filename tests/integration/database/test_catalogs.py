"""The rules on real catalogs: real names, real statistics, real partitions."""

from psycopg import sql

from setpoint.database.identifiers import quote
from stack.postgres import PostgresServer
from tests.integration.database.catalog import Database, scan, table


async def test_a_table_without_any_index_is_the_worst_case(database: Database) -> None:
    database.run(*table("bare"), *scan("bare"))
    found = await database.findings()
    finding = found["SequentialScans", "public.bare"]
    assert "and 0 index scans" in finding.evidence
    assert finding.sql[0] == "CREATE INDEX CONCURRENTLY ON public.bare (id)"


async def test_a_one_page_table_is_rightly_scanned(database: Database) -> None:
    database.run(*table("tiny", 20), *scan("tiny", 3000))
    assert ("SequentialScans", "public.tiny") not in await database.findings()


async def test_few_scans_are_no_finding(database: Database) -> None:
    database.run(*table("calm"), *scan("calm", 900))
    assert ("SequentialScans", "public.calm") not in await database.findings()


async def test_partitions_count_for_their_root(database: Database) -> None:
    parts = [
        f"CREATE TABLE part{n} PARTITION OF parent FOR VALUES FROM ({n * 10000}) TO"
        f" ({n * 10000 + 10000})"
        for n in range(3)
    ]
    database.run(
        "CREATE TABLE parent (id bigint, note text) PARTITION BY RANGE (id)",
        *parts,
        "INSERT INTO parent SELECT g, repeat('x', 90) FROM generate_series(0, 29999) g",
        "VACUUM ANALYZE parent",
        *(line for n in range(3) for line in scan(f"part{n}", 400)),
    )
    found = {identity[1] for identity in await database.findings()}
    assert "public.parent" in found
    assert not {"public.part0", "public.part1"} & found


async def test_foreign_keys_that_only_18_knows(postgres_18: PostgresServer) -> None:
    """One that is not enforced looks nothing up; one of periods is served by a GiST index."""
    database = Database(postgres_18, "pg_monitor", "pg_read_all_data")
    rows = "SELECT g, g % 50, int4range(1, 9) FROM generate_series(1, 3000) g"
    database.run(
        "CREATE EXTENSION btree_gist",
        "CREATE TABLE room (id int, span int4range, PRIMARY KEY (id, span WITHOUT OVERLAPS))",
        "INSERT INTO room SELECT g, int4range(0, 10) FROM generate_series(0, 49) g",
        "CREATE TABLE city (id int PRIMARY KEY)",
        "INSERT INTO city SELECT g FROM generate_series(0, 49) g",
        *(
            statement
            for name in ("told", "served", "bare")
            for statement in (
                f"CREATE TABLE {name} (id int, owner int, span int4range)",
                f"INSERT INTO {name} {rows}",
                f"ANALYZE {name}",
            )
        ),
        "ALTER TABLE told ADD FOREIGN KEY (owner) REFERENCES city NOT ENFORCED",
        "CREATE INDEX ON served USING gist (owner, span)",
        *(
            f"ALTER TABLE {name} ADD FOREIGN KEY (owner, PERIOD span)"
            " REFERENCES room (id, PERIOD span)"
            for name in ("served", "bare")
        ),
    )
    found = await database.findings()
    assert [identity[1] for identity in found if identity[0] == "ForeignKeyWithoutIndex"] == [
        "public.bare"
    ]
    assert ("UnusedIndex", "public.served_owner_span_idx") not in found


async def test_foreign_keys_of_partitions(database: Database) -> None:
    """Indexed by partition, by root, not at all; one that only a partition has; other numbers."""
    database.run(
        "CREATE TABLE owner (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE owner_0 PARTITION OF owner FOR VALUES FROM (0) TO (1000)",
        "INSERT INTO owner SELECT g FROM generate_series(0, 999) g",
        *(
            statement
            for name in ("apart", "whole", "bare", "single")
            for statement in (
                f"CREATE TABLE {name} (id int, owner int) PARTITION BY RANGE (id)",
                f"CREATE TABLE {name}_0 PARTITION OF {name} FOR VALUES FROM (0) TO (10000)",
                f"CREATE TABLE {name}_1 (gone int, owner int, id int)",
                f"ALTER TABLE {name}_1 DROP COLUMN gone",
                f"ALTER TABLE {name} ATTACH PARTITION {name}_1 FOR VALUES FROM (10000) TO (20001)",
                f"INSERT INTO {name} SELECT g, g % 900 FROM generate_series(1, 20000) g",
            )
        ),
        *(f"ALTER TABLE {t} ADD FOREIGN KEY (owner) REFERENCES owner"
          for t in ("apart", "whole", "bare", "single_1")),
        "CREATE INDEX ON apart_0 (owner)", "CREATE INDEX ON apart_1 (owner)",
        "CREATE INDEX ON whole (owner)", "CREATE INDEX ON bare_0 (owner)",
        "VACUUM ANALYZE",
    )  # fmt: skip
    found = await database.findings()
    missing = {o: f.sql for (rule, o), f in found.items() if rule == "ForeignKeyWithoutIndex"}
    assert set(missing) == {"public.bare", "public.single"}
    assert not {o for rule, o in found if rule == "UnusedIndex"}, "they serve foreign keys"


async def test_names_that_need_care(database: Database) -> None:
    names = ['we"ird; DROP TABLE x', "Upper", "select", "dotted.name", "ключ"]
    for name in names:
        quoted = sql.Identifier(name).as_string()
        database.run(*table(quoted), *scan(quoted))
    found = {identity[1]: finding for identity, finding in (await database.findings()).items()}
    for name in names:
        assert f"public.{quote(name)}" in found
    statement = found['public."we""ird; DROP TABLE x"'].sql[0]
    assert statement == 'CREATE INDEX CONCURRENTLY ON public."we""ird; DROP TABLE x" (id)'


async def test_the_same_name_in_two_schemas(database: Database) -> None:
    database.run(
        "CREATE SCHEMA audit", *table("events"), *table("audit.events"), *scan("audit.events")
    )
    found = await database.findings()
    assert ("SequentialScans", "audit.events") in found
    assert ("SequentialScans", "public.events") not in found


async def test_unused_indexes_that_something_needs_are_kept(database: Database) -> None:
    database.run(
        "CREATE TABLE owners (id bigint PRIMARY KEY, code text UNIQUE)",
        "CREATE TABLE things (id bigint, owner bigint REFERENCES owners, note text,"
        " during int4range, EXCLUDE USING gist (during WITH &&))",
        "CREATE INDEX for_the_key ON things (owner)",
        "CREATE INDEX nobody ON things (note)",
        "INSERT INTO things SELECT g, NULL, repeat('x', 60), int4range(g, g + 1)"
        " FROM generate_series(1, 500) AS g",
        "ANALYZE things",
        "CREATE UNIQUE INDEX one_of_a_kind ON things (id)",
    )
    found = {identity[1] for identity in await database.findings() if identity[0] == "UnusedIndex"}
    assert found == {"public.nobody"}


async def test_a_suggestion_is_never_of_a_column_that_has_one(database: Database) -> None:
    database.run(*table("half"), "CREATE INDEX ON half (owner, id)", *scan("half"))
    finding = (await database.findings())["SequentialScans", "public.half"]
    assert list(finding.sql) == ["CREATE INDEX CONCURRENTLY ON public.half (id)"]
