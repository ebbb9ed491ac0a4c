"""Every value of the chart changes what is rendered, and a wrong one is refused by the schema."""

import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import helm
from stack.process import StackError
from tests.integration.packaging.conftest import all_values

SCHEMA: dict[str, Any] = json.loads((helm.CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((helm.CHART / "values.yaml").read_text())
Name = tuple[str, ...]

OTHERWISE: dict[Name, dict[str, Any]] = {
    ("crds", "enabled"): {"crds": {"enabled": True}},
    ("crds", "keep"): {"crds": {"enabled": True}},
    ("crds", "annotations"): {"crds": {"enabled": True}},
    ("leaderElection", "enabled"): {"replicas": 1},
    ("serviceAccount", "create"): {"aws": {"roleArn": ""}},
}
"""Where all switched on would hide what a value does."""
ROLE = "arn:aws:iam::123456789012:role/setpoint"
CONFIG = "config"
"""Its inside is the operator's configuration, which has tests of its own."""


def leaves(schema: dict[str, Any], path: Name = ()) -> Iterator[tuple[Name, dict[str, Any]]]:
    for name, child in schema["properties"].items():
        here = (*path, name)
        if here == ("global",):
            continue
        if "properties" in child and here != (CONFIG,):
            yield from leaves(child, here)
        else:
            yield here, child


LEAVES = dict(leaves(SCHEMA))


def with_value(values: dict[str, Any], path: Name, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(values)
    inner = made
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    inner[path[-1]] = value
    return made


def merged(values: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(values)
    for key, value in more.items():
        made[key] = {**made.get(key, {}), **value} if isinstance(value, dict) else value
    return made


def baseline(path: Name) -> dict[str, Any]:
    """All switched on, but the definitions: they are long."""
    return merged({**all_values(), "crds": {"enabled": False}}, OTHERWISE.get(path, {}))


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with a dashboard that no other test knows."""
    copied = shutil.copytree(helm.CHART, tmp_path_factory.mktemp("chart") / "setpoint")
    (copied / "files/dashboards").mkdir(exist_ok=True)
    (copied / "files/dashboards/mine.json").write_text('{"title": "{{ mine }}"}')
    return copied


def test_the_schema_knows_exactly_the_values_that_there_are() -> None:
    def check(defaults: dict[str, Any], schema: dict[str, Any], path: Name) -> None:
        assert schema["additionalProperties"] is False, path
        assert set(defaults) <= set(schema["properties"]), path
        for name, child in schema["properties"].items():
            here = (*path, name)
            assert child["description"], here
            if "properties" in child and here != (CONFIG,):
                check(defaults[name], child, here)
            elif here != ("global",):
                assert child["examples"], here

    check(DEFAULTS, SCHEMA, ())


@pytest.mark.parametrize("path", LEAVES, ids=".".join)
def test_a_value_changes_the_rendering(path: Name, chart: Path) -> None:
    [example] = LEAVES[path]["examples"]
    before = baseline(path)

    made = helm.render(with_value(before, path, example), chart=chart)

    assert made != rendered(chart, json.dumps(before))


@cache
def rendered(chart: Path, values: str) -> list[dict[str, Any]]:
    return helm.render(json.loads(values), chart=chart)


BREAKERS: dict[str, list[Any]] = {
    "string": [["a"], {"a": "b"}, 7],
    "integer": ["seven", 1.5, [1]],
    "boolean": ["yes", 1, {}],
    "array": ["a", {"a": "b"}],
    "object": ["a", ["a"], 1],
}


LIMITS: dict[str, Callable[[Any], Any]] = {
    "enum": lambda _: "SomethingElse",
    "pattern": lambda _: "!! not this",
    "minLength": lambda _: "",
    "maxLength": lambda most: "x" * (most + 1),
    "minimum": lambda least: least - 1,
    "maximum": lambda most: most + 1,
}


def wrong(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that a schema must refuse, one for each of its keywords."""
    yield from BREAKERS[schema["type"]]
    yield from (breaker(schema[key]) for key, breaker in LIMITS.items() if key in schema)
    if schema["type"] == "array":
        yield from ([item] for item in wrong(schema["items"]))
        [example] = schema.get("examples", [[{}]])
        for name in schema["items"].get("required", ()):
            yield [{key: value for key, value in example[0].items() if key != name}]
    if isinstance(schema.get("additionalProperties"), dict):
        yield {"a": ["b"]}
    if schema.get("additionalProperties") is False:
        yield {"nobodyKnows": 1}


def test_wrong_values_are_refused_each_by_its_name() -> None:
    """Helm names all that it refuses, so a wrong value of each is tried at once."""
    rounds = list(zip_longest(*(wrong(schema) for schema in LEAVES.values())))
    assert len(rounds) >= 5
    for values in rounds:
        tried = {
            path: value for path, value in zip(LEAVES, values, strict=True) if value is not None
        }
        made: dict[str, Any] = {}
        for path, value in tried.items():
            made = with_value(made, path, value)

        with pytest.raises(StackError) as caught:
            helm.render(made)

        for path, value in tried.items():
            name = "/".join(path)
            assert re.search(rf"at '/{name}['/]", str(caught.value)), f"{name}: {value!r}"


@pytest.mark.parametrize(
    "values",
    [
        {"nobodyKnows": 1},
        {"image": {"name": "a"}},
        {"config": {"grant": []}},
        {"config": {"grants": [{"namespaces": ["shop"]}]}},
        {"config": {"grants": [{"namespaces": [], "regions": ["a"], "resources": ["*"]}]}},
        {"config": {"limits": {"concurrency": 0}}},
        {"replicas": 2, "leaderElection": {"enabled": False}},
        {"aws": {"roleArn": ROLE}, "serviceAccount": {"create": False}},
        {"namespaces": ["shop", "shop"]},
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(StackError, match="the schema"):
        helm.render(values)


def deployment(values: dict[str, Any]) -> dict[str, Any]:
    [found] = [made for made in helm.render(values) if made["kind"] == "Deployment"]
    return found


@pytest.mark.parametrize("name", ["commonLabels", "podLabels"])
def test_labels_of_ones_own_never_part_a_deployment_from_its_pods(name: str) -> None:
    mine = {"app.kubernetes.io/name": "mine", "app.kubernetes.io/part-of": "shop"}
    text = helm.run("template", "setpoint", str(helm.CHART), values={name: mine})
    assert not re.search(r"name: mine$", text, re.MULTILINE), "a key stands there twice, or wins"
    spec = deployment({name: mine})["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert labels["app.kubernetes.io/part-of"] == "shop"


def test_a_configuration_with_nothing_in_it_is_the_default() -> None:
    """As it is when every line below `config:` is commented out."""
    [made] = [o for o in helm.render({"config": None}) if o["kind"] == "ConfigMap"]
    assert list(yaml.safe_load(made["data"]["config.yaml"])) == ["leaderElection"]


def test_with_a_configmap_of_ones_own_the_lease_is_the_one_that_the_role_allows() -> None:
    objects = helm.render({"existingConfigMap": "mine", "fullnameOverride": "tuner"})
    [role] = [o for o in objects if o["metadata"]["name"] == "tuner-leader" and "rules" in o]
    [made] = [o for o in objects if o["kind"] == "Deployment"]
    [container] = made["spec"]["template"]["spec"]["containers"]
    assert "--lease-name=tuner" in container["args"]
    assert role["rules"][1]["resourceNames"] == ["tuner"]
