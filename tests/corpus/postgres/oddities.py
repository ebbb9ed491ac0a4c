"""What is strange and in order."""

from tests.corpus.postgres.draft import Draft, Table, stat
from tests.corpus.postgres.names import FLAVOURS, ident
from tests.corpus.postgres.registry import Chapter

oddities = Chapter("oddities")


@oddities.trap("1,600 columns", "as many as a table can have")
def _(draft: Draft) -> None:
    table = draft.named()
    columns = ", ".join(f"c{n} smallint" for n in range(1600))
    draft.load(f"CREATE TABLE {table.sql} ({columns})", f"INSERT INTO {table.sql} (c1) VALUES (1)")
    draft.settle(f"VACUUM (ANALYZE) {table.sql}")


@oddities.trap("view", "a view has neither pages nor statistics")
def _(draft: Draft) -> None:
    table = draft.table(6_000)
    view = draft.named(schema=table.schema)
    draft.load(f"CREATE VIEW {view.sql} AS SELECT * FROM {table.sql}")


@oddities.trap("foreign table", "its rows are elsewhere: never analysed, no index")
def _(draft: Draft) -> None:
    table = draft.named()
    wrapper, server = ident(draft.world.name("plain")), ident(draft.world.name("plain"))
    draft.load(
        f"CREATE FOREIGN DATA WRAPPER {wrapper}",
        f"CREATE SERVER {server} FOREIGN DATA WRAPPER {wrapper}",
        f"CREATE FOREIGN TABLE {table.sql} (id int, owner int) SERVER {server}",
    )


@oddities.trap("of an extension", "its table and index come and go with the extension, not by us")
def _(draft: Draft) -> None:
    table = draft.table(40_000)
    draft.index(table, "{t}")
    draft.load(f"ALTER EXTENSION plpgsql ADD TABLE {table.sql}")


@oddities.trap("unlogged", "an unlogged table is a table")
def _(draft: Draft) -> None:
    table = draft.table(12_000, create="CREATE UNLOGGED TABLE")
    draft.index(table, "{a}", use="{a} = 5")


@oddities.trap("no columns", "a table may have none")
def _(draft: Draft) -> None:
    table = draft.named()
    draft.load(f"CREATE TABLE {table.sql} ()")


@oddities.trap("generated and virtual names", "columns named like system columns of views")
def _(draft: Draft) -> None:
    columns = [(n, "int", "g") for n in ("relname", "schemaname", "idx_scan", "oid")]
    draft.table(6_000, columns=columns)


@oddities.trap("renamed", "an index keeps its old name when its table gets a new one")
def _(draft: Draft) -> None:
    table = draft.table(9_000, settle=False)
    draft.index(table, "{a}", use="{a} = 5")
    renamed = draft.named(schema=table.schema)
    draft.load(f"ALTER TABLE {table.sql} RENAME TO {ident(renamed.name)}")
    draft.settle(f"VACUUM (ANALYZE) {renamed.sql}")


@oddities.trap("dropped columns", "attribute numbers have gaps; indexes go by number")
def _(draft: Draft) -> None:
    table = draft.table(9_000)
    draft.load(table.fill(f"ALTER TABLE {table.sql} DROP {{b}}, ADD {{b}} int"))
    draft.load(table.fill(f"UPDATE {table.sql} SET {{b}} = {{id}} % 777"))
    draft.settle(f"VACUUM (FULL, ANALYZE) {table.sql}")
    for role in ("a", "b", "c"):
        draft.index(table, "{" + role + "}", use="{" + role + "} = 5")


def _named(flavour: str) -> None:
    def write(draft: Draft) -> None:
        table: Table = draft.table(9_000, flavour=flavour)
        draft.index(table, "{a}, {b}", use="{a} = 5", flavour=flavour)
        draft.premise("it is quiet", f"{stat(table, 'seq_scan')} < 20")

    oddities.add(f"name: {flavour}", "trap", "an odd name is no problem", write)


for _flavour in FLAVOURS:
    _named(_flavour)
