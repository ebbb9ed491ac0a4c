"""Texts of a workload become SELECTs that EXPLAIN takes."""

import pytest

from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.lexer import statements, tokens
from setpoint.database.indexes.parameters import renumbered, typed
from setpoint.database.indexes.prepare import mend, select_of
from setpoint.database.indexes.tree import MAX_TEXT, parse


def read(text: str) -> str:
    return " ".join(select_of(text)[0].decode().split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 FROM t;", "SELECT 1 FROM t"),
        ("UPDATE t SET a = $1", "SELECT 1 FROM t"),
        ("UPDATE ONLY t x SET a = 1 WHERE x.b = 2", "SELECT 1 FROM ONLY t x WHERE x.b = 2"),
        ("UPDATE t SET a = b IS DISTINCT FROM 3 FROM u WHERE t.i = u.i RETURNING *",
         "SELECT 1 FROM t , u WHERE t.i = u.i"),
        ("DELETE FROM t USING u WHERE t.a = u.b RETURNING x",
         "SELECT 1 FROM t , u WHERE t.a = u.b"),
        ("WITH c AS (SELECT 1 AS x FROM z FOR UPDATE) DELETE FROM t WHERE a IN (SELECT x FROM c)",
         "WITH c AS (SELECT 1 AS x FROM z ) SELECT 1 FROM t WHERE a IN (SELECT x FROM c)"),
        ("MERGE INTO t USING u ON t.i = CASE WHEN true THEN u.i END WHEN MATCHED THEN DO NOTHING",
         "SELECT 1 FROM t RIGHT JOIN u ON t.i = CASE WHEN true THEN u.i END"),
        ("INSERT INTO t (a) SELECT a FROM c JOIN d ON c.x = d.x ON CONFLICT DO NOTHING",
         "SELECT a FROM c JOIN d ON c.x = d.x"),
        ("SELECT * FROM q WHERE s = 'for update' ORDER BY c LIMIT 1 FOR UPDATE OF q SKIP LOCKED",
         "SELECT * FROM q WHERE s = 'for update' ORDER BY c LIMIT 1"),
    ],
)  # fmt: skip
def test_what_a_statement_reads(text: str, expected: str) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d < date $1 - interval $2 day", "d < CAST($1 AS date) - CAST($2 AS interval)"),
        ("d < timestamp with time zone $1", "d < CAST($1 AS timestamp with time zone)"),
        ("d AT TIME ZONE $1 = e", "d AT TIME ZONE $1 = e"),
        ("extract($1 FROM d) = $2", "extract(year FROM d) = $2"),
        ("a BETWEEN $1 AND $2", "a BETWEEN $1 AND $2"),
        ("x = double precision $1", "x = CAST($1 AS double precision)"),
    ],
)
def test_parameters_stand_where_they_may(text: str, expected: str) -> None:
    assert mend(f"SELECT 1 FROM t WHERE {text}".encode()).decode() == (
        f"SELECT 1 FROM t WHERE {expected}"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("DROP TABLE t", "no SELECT"),
        ("COPY t FROM STDIN", "no SELECT"),
        ("SELECT 1; DROP TABLE t", "not exactly one"),
        ("SELECT 1 INTO t2 FROM t", "no SELECT"),
        ("SELECT * FROM", "no SQL"),
        ("", "not exactly one"),
        ("INSERT INTO t VALUES (1)", "only puts rows in"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "a WITH of it writes"),
        ("UPDATE t SET a = 1 WHERE CURRENT OF c", "cursor"),
        ("SELECT '" + "x" * 1_000_000 + "'", "longer than"),
        ("SELECT " + "1+" * 40_000 + "1", "nested too deeply"),
        ("SELECT " + "(" * 40_000 + "1" + ")" * 40_000, "no SQL"),
        ("SELECT '\0'", "NUL"),
        ("SELECT '\udcff'", "not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_not_looked_at_says_why(text: str, reason: str) -> None:
    with pytest.raises(UnanalysableError, match=reason):
        select_of(text)


def test_a_text_of_any_size_ends_the_parser_well() -> None:
    for part in ("1+", "- ", "not ", "1::int ", "(select "):
        with pytest.raises(UnanalysableError):
            parse(b"SELECT " + part.encode() * (MAX_TEXT // len(part) - 10) + b"1")


def test_parameters_are_numbered_without_gaps() -> None:
    text, count = renumbered(b"SELECT $7 FROM t WHERE a = $2 AND b = '$9' AND c = $7")
    assert (text, count) == (b"SELECT $2 FROM t WHERE a = $1 AND b = '$9' AND c = $2", 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n BETWEEN $1 - $2 AND $3", "n BETWEEN CAST($1 AS numeric) - CAST($2 AS numeric) AND $3"),
        ("d < $1 + $2", "d < CAST($1 AS date) + CAST($2 AS interval)"),
        ("n > (SELECT sum(CASE WHEN x THEN $1 ELSE $2 END) FROM u)",
         ("n > (SELECT sum(CASE WHEN x THEN CAST($1 AS numeric) ELSE CAST($2 AS numeric) END)"
         " FROM u)")),
        ("concat(n, $1) = $2", "concat(n, CAST($1 AS text)) = $2"),
        ("d > d + $1", "d > d + CAST($1 AS integer)"),
        ("n = $1", "n = $1"),
    ],
)  # fmt: skip
def test_types_of_parameters_follow_what_stands_beside(text: str, expected: str) -> None:
    whole = f"SELECT 1 FROM t WHERE {text}".encode()
    made = typed(whole, parse(whole).root, {"n": "numeric", "d": "date"})
    assert made.decode() == f"SELECT 1 FROM t WHERE {expected}"


def test_a_script_is_cut_at_its_semicolons() -> None:
    script = b"SELECT ';'; -- a; b\nSELECT $$;$$ /* ; /* ; */ */;\n\n;SELECT 3"
    assert [s.splitlines()[-1] for s in statements(script)] == [
        "SELECT ';'", "SELECT $$;$$ /* ; /* ; */ */", "SELECT 3",
    ]  # fmt: skip


def test_tokens_know_strings_of_every_kind() -> None:
    text = rb"""E'a\'b' 'c''d' U&"q" $x$ $$ ' $x$ "a""b" $1 1.5e3 --e"""
    kinds = [token.kind for token in tokens(text)]
    assert kinds == ["string", "string", "quoted", "dollar", "quoted", "param", "number"]
