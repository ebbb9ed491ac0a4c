"""A list beside a watch: what is gone goes, what came meanwhile stays."""

import itertools
from typing import Any

from tests.unit.engine.test_reconciler import ThingKind, World

from setpoint.engine.claims import Claims
from setpoint.engine.ingest import Ingest
from setpoint.engine.model import Key
from setpoint.engine.queue import WorkQueue
from setpoint.engine.store import Store

_versions = itertools.count(1)


def body(name: str, uid: str = "uid") -> dict[str, Any]:
    metadata = {
        "namespace": "shop", "name": name, "uid": f"{name}-{uid}", "generation": 1,
        "resourceVersion": str(next(_versions)), "creationTimestamp": "2026-11-23T10:00:00Z",
    }  # fmt: skip
    return {"metadata": metadata, "spec": {}}


def key(name: str) -> Key:
    return Key("things", "shop", name)


def test_a_list_takes_away_only_what_was_known_before_it() -> None:
    store = Store()
    kinds = {"things": ThingKind(World())}
    ingest = Ingest(kinds, store, Claims(), WorkQueue(8, lambda: 0.0))
    for name in ("stays", "goes", "anew"):
        ingest.seen(key(name), body(name))
    before = ingest.known("things")

    # While the list is on its way, the watch goes on.
    listed = [body("stays")]
    ingest.seen(key("new"), body("new"))
    ingest.gone(key("anew"))
    ingest.seen(key("anew"), body("anew", "other"))
    ingest.listed("things", before, listed)

    assert set(store) == {key("stays"), key("anew"), key("new")}
    assert store.get(key("stays")) == listed[0]
