"""The method of Supabase's index_advisor, applied to every query: the union of its answers."""

from collections.abc import Mapping

from psycopg import sql
from tests.bench.index_bench.plans import Session, index_names, plan
from tests.bench.index_bench.what_if import Index, columns, missing


def supabase(session: Session, queries: Mapping[int, str]) -> list[Index]:
    """A hypothetical index on every column of every table; those that a plan uses.

    There is no budget, and none of the indexes has two columns. Raises psycopg.Error.
    """
    used: dict[Index, None] = {}
    offered = missing(session, columns(session))
    for text in queries.values():
        session.execute("SELECT hypopg_reset()")
        plan(session, text)  # it shows the cost before
        names = {}
        for index in offered:
            row = session.execute(
                sql.SQL("SELECT indexname FROM hypopg_create_index({})").format(
                    sql.Literal(index.ddl)
                )
            ).fetchone()
            assert row is not None
            names[row[0]] = index
        used.update({names[n]: None for n in index_names(plan(session, text)) if n in names})
    session.execute("SELECT hypopg_reset()")
    return list(used)
