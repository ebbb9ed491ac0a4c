"""The corpus of planted truths holds what it says: each case's premises, in a real database."""

import psycopg

from tests.corpus.postgres import Corpus, score
from tests.corpus.postgres.model import IDS
from tests.corpus.postgres.mutants import MUTANTS

OF_RELATIONS = frozenset(IDS) - {
    "CacheHitRatio", "LongTransaction", "IdleInTransaction", "BlockedSession", "Setting",
    "ConnectionsNearLimit", "SlowStatement", "MissingPrivilege",
}  # fmt: skip


def test_every_premise_holds(corpus: Corpus) -> None:
    failed = []
    checked = 0
    for part in {case.part for case in corpus.cases} - {"crowd"}:
        with psycopg.connect(corpus.url(part), autocommit=True) as connection:
            for case in corpus.cases:
                for premise in case.premises if case.part == part else ():
                    row = connection.execute(premise.sql.encode()).fetchone()
                    checked += 1
                    if row != (True,):
                        failed.append(f"{case.name}: {premise.says}: {premise.sql}")
    assert failed == [], f"seed {corpus.seed}"
    assert checked > 300


def test_labels_name_relations_as_the_server_does(corpus: Corpus) -> None:
    for part in {case.part for case in corpus.cases}:
        labels = [
            label.object
            for case in corpus.cases
            if case.part == part
            for label in case.expected.union(*(pick.of for pick in case.picks))
            if label.id in OF_RELATIONS
        ]
        with psycopg.connect(corpus.url(part)) as connection:
            unknown = connection.execute(
                "SELECT o FROM unnest(%s::text[]) o WHERE to_regclass(o) IS NULL", (labels,)
            ).fetchall()
        assert unknown == [], f"seed {corpus.seed}"


def test_there_are_enough_of_both_kinds(corpus: Corpus) -> None:
    kinds = [case.kind for case in corpus.cases]
    assert kinds.count("problem") >= 45
    assert kinds.count("trap") >= 70
    labelled = {finding for case in corpus.cases for finding in case.about()}
    missing = set(IDS) - labelled
    assert missing <= {"SlowStatement"}, "only what needs an extension may be absent"
    for case in corpus.cases:
        assert case.about() or case.kind == "trap", case.name


def test_the_right_answer_scores_one_and_silence_nothing(corpus: Corpus) -> None:
    for part in {case.part for case in corpus.cases}:
        cases = [case for case in corpus.cases if case.part == part]
        right = [(one.id, one.object) for case in cases for one in case.expected]
        for case in cases:
            for pick in case.picks:
                right += [(one.id, one.object) for one in sorted(pick.of)[: pick.least]]
        perfect = score([*right, ("UnusedIndex", "elsewhere.not_planted")], corpus, part)
        assert perfect.wrong == ()
        assert (perfect.precision, perfect.recall) == (1.0, 1.0)
        silent = score([], corpus, part)
        assert silent.total.missing == len(right)


def test_a_wrong_answer_names_its_case(corpus: Corpus) -> None:
    cases = {case.name: case for case in corpus.cases}
    twins = [one for pick in cases["pairs/twice the same"].picks for one in pick.of]
    trap = cases["scans/one page"]
    found = [(one.id, one.object) for one in twins]
    found += [("SequentialScans", one) for one in trap.objects]
    wrong = score(found, corpus)
    assert wrong.total.extra == 2
    assert {"pairs/twice the same", "scans/one page"} <= wrong.wrong_cases()


def test_a_crowd_leaves_a_handful_of_connections(corpus: Corpus) -> None:
    with corpus.crowd() as view, psycopg.connect(corpus.url()) as connection:
        assert view.part == "crowd"
        row = connection.execute(
            "SELECT current_setting('max_connections')::int - count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend'"
        ).fetchone()
        assert row is not None
        assert row[0] < 10


def test_every_mutant_names_cases_of_its_finding(corpus: Corpus) -> None:
    cases = {case.name: case for case in corpus.cases}
    wrong_part = [m for m in MUTANTS if not set(m.cases) <= set(cases)]
    assert {m.id for m in wrong_part} <= {"SlowStatement"}
    assert {mutant.id for mutant in MUTANTS} == set(IDS)
