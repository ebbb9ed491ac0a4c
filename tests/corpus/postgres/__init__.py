"""Planted truths for the findings about Postgres."""

from tests.corpus.postgres.build import Corpus, build, score
from tests.corpus.postgres.model import Case, Expected, Pick, Score, View

__all__ = ["Case", "Corpus", "Expected", "Pick", "Score", "View", "build", "score"]
