"""TPC-H and TPC-DS: tables, queries and which of them are judged; all of it from duckdb."""

import importlib.resources
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Table:
    """A table as duckdb has it, in the types of Postgres."""

    name: str
    ddl: str


@dataclass(frozen=True)
class Bar:
    """What is to be beaten: the relative cost that `holder` reaches with indexes of `megabytes`."""

    megabytes: int
    relative_cost: float
    holder: str


@dataclass(frozen=True)
class Workload:
    """A benchmark of the TPC."""

    name: str
    title: str
    generator: str
    unjudged: frozenset[int]
    """Left out of the relative cost: the planner's estimate for one of them outweighs the rest."""
    bars: tuple[Bar, ...]
    nominal_megabytes: tuple[int, ...]
    """Budgets of Extend, in HypoPG's sizes."""
    most_explains: int
    most_seconds: int | None
    """None: no aim."""
    keys: str
    """What the schema is like, for the page."""
    foreign_keys: tuple[str, ...] = ()

    @contextmanager
    def source(self, scale: float) -> Iterator[duckdb.DuckDBPyConnection]:
        """duckdb with the tables filled; with scale 0 it has the tables, empty."""
        with duckdb.connect(config={"threads": 2, "memory_limit": "4GB"}) as connection:
            connection.execute(f"LOAD '{_extension(self.name)}'")
            keys = ", keys=true" if self.name == "tpcds" else ""
            connection.execute(f"CALL {self.generator}(sf={scale}{keys})")
            yield connection

    def tables(self) -> list[Table]:
        """In the order of their names."""
        if self.name == "tpch":
            return [Table(name, ddl) for name, ddl in sorted(_TPCH_TABLES.items())]
        with self.source(0) as connection:
            rows = connection.execute("SELECT table_name, sql FROM duckdb_tables() ORDER BY 1")
            return [Table(name, ddl) for name, ddl in rows.fetchall()]

    def queries(self) -> dict[int, str]:
        """The texts, by their number in the specification."""
        with self.source(0) as connection:
            rows = connection.execute(f"SELECT query_nr, query FROM {self.name}_queries()")
            return {number: text.strip().rstrip(";") for number, text in sorted(rows.fetchall())}

    def judged(self) -> dict[int, str]:
        """The queries of which the relative cost is made."""
        return {n: text for n, text in self.queries().items() if n not in self.unjudged}


def _extension(name: str) -> Path:
    """The file in the extension's wheel: nothing is downloaded."""
    package = Path(str(importlib.resources.files(f"duckdb_extension_{name}")))
    return package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


_TPCH_TABLES = {
    "region": """CREATE TABLE region (
        r_regionkey integer PRIMARY KEY, r_name char(25) NOT NULL, r_comment varchar(152))""",
    "nation": """CREATE TABLE nation (
        n_nationkey integer PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey integer NOT NULL,
        n_comment varchar(152))""",
    "part": """CREATE TABLE part (
        p_partkey integer PRIMARY KEY, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL,
        p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL, p_size integer NOT NULL,
        p_container char(10) NOT NULL, p_retailprice decimal(15,2) NOT NULL,
        p_comment varchar(23) NOT NULL)""",
    "supplier": """CREATE TABLE supplier (
        s_suppkey integer PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL,
        s_nationkey integer NOT NULL, s_phone char(15) NOT NULL, s_acctbal decimal(15,2) NOT NULL,
        s_comment varchar(101) NOT NULL)""",
    "partsupp": """CREATE TABLE partsupp (
        ps_partkey integer NOT NULL, ps_suppkey integer NOT NULL, ps_availqty integer NOT NULL,
        ps_supplycost decimal(15,2) NOT NULL, ps_comment varchar(199) NOT NULL,
        PRIMARY KEY (ps_partkey, ps_suppkey))""",
    "customer": """CREATE TABLE customer (
        c_custkey integer PRIMARY KEY, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL,
        c_nationkey integer NOT NULL, c_phone char(15) NOT NULL, c_acctbal decimal(15,2) NOT NULL,
        c_mktsegment char(10) NOT NULL, c_comment varchar(117) NOT NULL)""",
    "orders": """CREATE TABLE orders (
        o_orderkey integer PRIMARY KEY, o_custkey integer NOT NULL, o_orderstatus char(1) NOT NULL,
        o_totalprice decimal(15,2) NOT NULL, o_orderdate date NOT NULL,
        o_orderpriority char(15) NOT NULL, o_clerk char(15) NOT NULL,
        o_shippriority integer NOT NULL, o_comment varchar(79) NOT NULL)""",
    "lineitem": """CREATE TABLE lineitem (
        l_orderkey integer NOT NULL, l_partkey integer NOT NULL, l_suppkey integer NOT NULL,
        l_linenumber integer NOT NULL, l_quantity decimal(15,2) NOT NULL,
        l_extendedprice decimal(15,2) NOT NULL, l_discount decimal(15,2) NOT NULL,
        l_tax decimal(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL,
        l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL,
        l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL,
        l_comment varchar(44) NOT NULL,
        PRIMARY KEY (l_orderkey, l_linenumber))""",
}
"""The specification's types; integers are enough up to scale 300."""

_TPCH_FOREIGN_KEYS = (
    "nation (n_regionkey) REFERENCES region",
    "supplier (s_nationkey) REFERENCES nation",
    "customer (c_nationkey) REFERENCES nation",
    "partsupp (ps_partkey) REFERENCES part",
    "partsupp (ps_suppkey) REFERENCES supplier",
    "orders (o_custkey) REFERENCES customer",
    "lineitem (l_orderkey) REFERENCES orders",
    "lineitem (l_partkey, l_suppkey) REFERENCES partsupp",
)

TPCH = Workload(
    name="tpch",
    title="TPC-H",
    generator="dbgen",
    unjudged=frozenset({2, 17, 20}),
    bars=(
        Bar(63, 0.878, "Extend, hypothetical"),
        Bar(106, 0.806, "Dexter"),
        Bar(178, 0.801, "Extend"),
        Bar(324, 0.717, "Extend"),
        Bar(462, 0.688, "Supabase"),
    ),
    nominal_megabytes=(250, 500, 1000),
    most_explains=2_000,
    most_seconds=30,
    keys="The specification's types, primary keys and foreign keys",
    foreign_keys=_TPCH_FOREIGN_KEYS,
)

TPCDS = Workload(
    name="tpcds",
    title="TPC-DS",
    generator="dsdgen",
    unjudged=frozenset({4, 6, 9, 10, 11, 32, 35, 41, 95}),
    bars=(
        Bar(54, 0.849, "Extend, hypothetical"),
        Bar(256, 0.783, "hill climbing, hypothetical"),
    ),
    nominal_megabytes=(250,),
    most_explains=5_000,
    most_seconds=None,
    keys="The types and primary keys of duckdb's generator",
)

WORKLOADS = {workload.name: workload for workload in (TPCH, TPCDS)}
