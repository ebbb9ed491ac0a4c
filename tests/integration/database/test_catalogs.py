"""The rules on real catalogs: real names, real statistics, real partitions."""

from psycopg import sql

from setpoint.database.identifiers import quote
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
