"""The language cases are written in: tables, indexes, use of them, labels and premises."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.corpus.postgres.model import Asked, Case, Expected, Held, Kind, Pick, Premise, Stage
from tests.corpus.postgres.names import Namer, Quoter, ident, literal

USES = 400
"""Scans of an index that is in use."""
LOAD: tuple[tuple[str, str, str], ...] = (
    # name, type, the value of row g
    ("a", "int", "g * 7 % 5003"),
    ("b", "int", "g * 11 % 4001"),
    ("c", "int", "g * 13 % 3001"),
    ("t", "text", "md5(g::text)"),
)


@dataclass(frozen=True)
class Named:
    """A relation: as statements and as findings write it."""

    schema: str
    name: str
    object: str

    @property
    def sql(self) -> str:
        """For statements."""
        return f"{ident(self.schema)}.{ident(self.name)}"

    @property
    def oid(self) -> str:
        """For statements over catalogs."""
        return f"{literal(self.sql)}::pg_catalog.regclass"


@dataclass(frozen=True)
class Table(Named):
    """A table and its columns: what cases call them and what they are called."""

    columns: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """`{a}` becomes the quoted name of the column that cases call a."""
        for role, name in self.columns.items():
            text = text.replace("{" + role + "}", ident(name))
        return text


@dataclass(frozen=True)
class World:
    """What all drafts of one seed share."""

    rng: random.Random
    name: Namer
    quote: Quoter
    schemas: Sequence[str]


class Draft:
    """One case in the making."""

    def __init__(self, world: World, name: str, kind: Kind, why: str) -> None:
        self.world, self.rng = world, world.rng
        self.name, self.kind, self.why = name, kind, why
        self.part, self.requires, self.weight = "main", "", 1.0
        self.schema = self.rng.choice(world.schemas)
        self._expected: set[Expected] = set()
        self._picks: list[Pick] = []
        self._premises: list[Premise] = []
        self._objects: set[str] = set()
        self._aliases: dict[str, str] = {}
        self._held: list[Held] = []
        self._asked: list[Asked] = []
        self._statements: dict[Stage, list[str]] = {"load": [], "settle": [], "work": []}

    def case(self) -> Case:
        """What became of it."""
        return Case(
            self.name,
            self.kind,
            frozenset(self._expected),
            self.why,
            tuple(self._picks),
            self.part,
            self.requires,
            tuple(self._premises),
            frozenset(self._objects),
            dict(self._aliases),
            {stage: tuple(lines) for stage, lines in self._statements.items()},
            tuple(self._held),
            tuple(self._asked),
            self.weight,
        )

    # labels

    def expect(self, finding: str, *objects: Named | str) -> None:
        """These are to be found."""
        self._expected |= {Expected(finding, self._object(one)) for one in objects}

    def either(self, finding: str, *objects: Named, most: int = 1) -> None:
        """`most` of these are to be found, whichever, and no more."""
        options = frozenset(Expected(finding, self._object(one)) for one in objects)
        self._picks.append(Pick(options, most, most))

    def allow(self, *findings: str, of: Named | str) -> None:
        """These follow from what is planted and may be said beside it."""
        options = frozenset(Expected(finding, self._object(of)) for finding in findings)
        self._picks.append(Pick(options, 0, len(options)))

    def alias(self, of: Named, *written: str) -> None:
        """Other ways to write an object."""
        self._aliases.update(dict.fromkeys(written, of.object))

    def plant(self, *objects: str) -> None:
        """What else is part of the case, though nothing is to be found of it."""
        self._objects.update(objects)

    def temporary(self, name: str) -> None:
        """A session's own table, in whatever schema the server gave it."""
        self._objects.add(f"pg_temp.{name}")

    def premise(self, says: str, condition: str) -> None:
        """What must hold in the database, as an SQL condition."""
        self._premises.append(Premise(says, f"SELECT ({condition})"))

    def _object(self, one: Named | str) -> str:
        written = one if isinstance(one, str) else one.object
        self._objects.add(written)
        return written

    # statements

    def load(self, *statements: str) -> None:
        """DDL and data."""
        self._statements["load"] += statements

    def settle(self, *statements: str) -> None:
        """VACUUM and what must come after every load: no older snapshot is open then."""
        self._statements["settle"] += statements

    def work(self, *statements: str) -> None:
        """The application's load."""
        self._statements["work"] += statements

    def hold(self, *statements: str, waits: str = "") -> str:
        """A session that stays open; what findings are to call it."""
        key = self.world.name("plain", "session")
        self._held.append(Held(key, statements, waits))
        return self._object(f"session {key}")

    def ask(self, statement: str, calls: int) -> str:
        """A statement of the application; what findings are to call it."""
        key = self.world.name("plain", "statement")
        self._asked.append(Asked(key, statement, calls))
        return self._object(f"statement {key}")

    def named(
        self, *, flavour: str | None = None, schema: str | None = None, name: str | None = None
    ) -> Named:
        """A name of its own in a schema of the corpus."""
        schema = schema or self.schema
        name = name or self.world.name(flavour)
        self._objects.add(self.world.quote(schema, name))
        return Named(schema, name, self.world.quote(schema, name))

    def table(
        self,
        rows: int = 0,
        *,
        columns: Sequence[tuple[str, str, str]] = LOAD,
        flavour: str | None = None,
        schema: str | None = None,
        name: str | None = None,
        key: bool = True,
        create: str = "CREATE TABLE",
        tail: str = "",
        settle: bool = True,
        pad: int = 40,
        ids: str = "g",
    ) -> Table:
        """A table with `rows` rows of the given columns, an id and a padding, in any order."""
        id_type = self.rng.choice(["int", "bigint"])
        layout = [("id", id_type + (" PRIMARY KEY" if key else ""), ids), *columns]
        if pad:
            layout.append(("pad", "text", f"repeat('x', {pad})"))
        self.rng.shuffle(layout)
        named = self.named(flavour=flavour, schema=schema, name=name)
        names = {role: self._column(role) for role, _, _ in layout}
        table = Table(named.schema, named.name, named.object, names)
        body = ", ".join(f"{ident(names[role])} {kind}" for role, kind, _ in layout)
        self.load(f"{create} {table.sql} ({body}) {table.fill(tail)}")
        if rows:
            values = ", ".join(value for _, _, value in layout)
            self.load(f"INSERT INTO {table.sql} SELECT {values} FROM generate_series(1, {rows}) g")
        if settle:
            self.settle(f"VACUUM (ANALYZE) {table.sql}")
        return table

    def _column(self, role: str) -> str:
        styles = (role, f"{role}_id", role.upper(), f"{role} col", f"{role}.x", f'{role}"q')
        return styles[0] if self.rng.random() < 0.6 else self.rng.choice(styles)

    def index(
        self,
        table: Table,
        on: str,
        *,
        use: str = "",
        using: str = "btree",
        unique: bool = False,
        tail: str = "",
        flavour: str | None = None,
        name: str | None = None,
    ) -> Named:
        """An index; with `use`, a condition that it serves, it has been used `USES` times."""
        index = self.named(flavour=flavour, schema=table.schema, name=name)
        kind = "UNIQUE INDEX" if unique else "INDEX"
        self.load(
            f"CREATE {kind} {ident(index.name)} ON {table.sql} USING {using}"
            f" ({table.fill(on)}) {table.fill(tail)}"
        )
        if use:
            self.use(table, index, use)
        return index

    def use(self, table: Table, index: Named, condition: str, times: int = USES) -> None:
        """Look rows up by an index, whatever others there are: they came later, so to speak."""
        self.load(
            _others(table, index, valid=False),
            "SET enable_seqscan = off",
            repeat(f"PERFORM 1 FROM {table.sql} WHERE {table.fill(condition)} LIMIT 1", times),
            "RESET enable_seqscan",
            _others(table, index, valid=True),
        )
        self.premise(f"{index.object} is in use", f"{idx_scans(index)} >= {times}")

    def scan(self, table: Named, times: int) -> None:
        """Read the whole table that often."""
        self.work(repeat(f"PERFORM ctid FROM {table.sql} OFFSET 100000000", times))


def _others(table: Named, index: Named, *, valid: bool) -> str:
    return (
        f"UPDATE pg_index SET indisvalid = {str(valid).lower()}"
        f" WHERE indrelid = {table.oid} AND indexrelid <> {index.oid}"
    )


def repeat(statement: str, times: int) -> str:
    """A statement run that often, in one transaction."""
    return f"DO $corpus$ BEGIN FOR i IN 1..{times} LOOP {statement}; END LOOP; END $corpus$"


def idx_scans(index: Named) -> str:
    """SQL for the number of scans of an index."""
    return f"(SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelid = {index.oid})"


def stat(table: Named, column: str) -> str:
    """SQL for a counter of a table, 0 for none."""
    return f"coalesce((SELECT {column} FROM pg_stat_all_tables WHERE relid = {table.oid}), 0)"


def pages(relation: Named) -> str:
    """SQL for the size in pages."""
    return f"(pg_relation_size({relation.oid}) / current_setting('block_size')::int)"
