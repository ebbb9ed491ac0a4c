"""What the API server takes and refuses, and that the models agree with it."""

import copy
import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from setpoint.api.cachetuning import CacheTuning
from setpoint.api.dbtuning import DBTuning
from setpoint.api.scalingpolicy import ScalingPolicy
from stack.cluster import Cluster

ROOT = Path(__file__).parents[3]
NAMESPACE = "schema"
MODELS: dict[str, Any] = {
    "ScalingPolicy": ScalingPolicy,
    "DBTuning": DBTuning,
    "CacheTuning": CacheTuning,
}
_numbers = itertools.count(1)

GOOD: dict[str, dict[str, Any]] = {
    "ScalingPolicy": {
        "target": {"ecs": {"cluster": "prod", "service": "checkout"}},
        "capacity": {"min": 2, "max": 20},
        "targetTracking": [
            {"metric": "CPU", "target": 60, "scaleInCooldown": "1m30s"},
            {"metric": "RequestCountPerTarget", "target": "1k"},
            {
                "metric": "QueuePerTask",
                "target": "500m",
                "custom": {
                    "namespace": "App",
                    "metricName": "Depth",
                    "dimensions": {"Queue": "orders"},
                },
            },
        ],
        "stepScaling": [
            {
                "name": "steps",
                "metric": "CPU",
                "steps": [
                    {"above": 80, "add": 2},
                    {"above": 90, "add": 4},
                    {"below": 20, "remove": "10%"},
                ],
            }
        ],
        "predictiveScaling": [{"metric": "CPU", "target": 60}],
        "schedules": [
            {
                "name": "morning",
                "schedule": "cron(0 8 ? * MON-FRI *)",
                "min": 6,
                "start": "2027-01-01T00:00:00Z",
                "end": "2028-01-01T00:00:00Z",
            }
        ],
        "metrics": {
            "loadBalancer": {"loadBalancer": "app/p/50dc", "targetGroup": "targetgroup/c/73e2"}
        },
        "alerts": {
            "for": "2m",
            "evaluations": {"breaches": 2, "of": 3},
            "slack": {"channel": "C0123456789"},
            "thresholds": {"cpu": "85.5%"},
            "slo": {
                "errors": {"objective": "99.9%"},
                "latency": {"objective": "99%", "threshold": "1s"},
            },
            "rules": [{"rule": "cpu", "severity": "Warning", "hysteresis": "5%"}],
            "silences": [
                {
                    "name": "deploy",
                    "rule": "cpu",
                    "reason": "a deploy",
                    "author": "anna",
                    "since": "2027-01-01T00:00:00Z",
                    "until": "2027-01-02T00:00:00Z",
                }
            ],
            "muteWindows": [
                {
                    "name": "night",
                    "cron": "0 22 * * MON-FRI",
                    "duration": "8h",
                    "timeZone": "Europe/Berlin",
                }
            ],
        },
    },
    "DBTuning": {
        "interval": "5m",
        "rds": {
            "instance": "orders",
            "instanceClass": "db.r6g.large",
            "allocatedStorage": "200Gi",
            "maxAllocatedStorage": "1Ti",
            "storageType": "gp3",
            "iops": 12_000,
            "storageThroughput": 500,
            "window": {
                "cron": "0,30 3-5/2 * JAN-nov SUN#1,3L",
                "duration": "2h",
                "timeZone": "Europe/Berlin",
            },
        },
        "postgres": {
            "secretRef": {"name": "db"},
            "databases": ["a"],
            "replicas": [{"secretRef": {"name": "db-replica"}}],
            "memory": "16Gi",
        },
        "analysis": {"deadTuples": "30%", "longTransaction": "1m"},
        "indexes": {"maxTotalSize": "500Mi", "maxIndexes": 8, "time": "1m", "every": "12h"},
        "ignore": [{"finding": "UnusedIndex", "object": "audit.*", "reason": "yearly report"}],
    },
    "CacheTuning": {
        "mode": "Plan",
        "redis": {"secretRef": {"name": "redis"}},
        "elastiCache": {"replicationGroup": "sessions", "sharedWith": ["cluster:carts"]},
        "config": {"maxmemoryPolicy": "volatile-lru"},
        "defaultTTL": {"ttl": "1h", "jitter": "5%", "include": ["*"], "types": ["string"]},
    },
}

ECS = {"cluster": "prod", "service": "checkout"}
TABLE: dict[str, Any] = {
    "scalableTarget": {
        "serviceNamespace": "dynamodb",
        "resourceId": "table/orders",
        "scalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
}
READS = [{"metric": "DynamoDBReadCapacityUtilization", "target": 70}]
STEPS = [
    {
        "name": "s",
        "custom": {"namespace": "App", "metricName": "Depth"},
        "steps": [{"above": 1, "add": 1}],
    }
]


@pytest.fixture(scope="module")
def cluster(controlplane: Cluster) -> Cluster:
    controlplane.kubectl("apply", "-k", str(ROOT / "crds"))
    for name in ("scalingpolicies", "dbtunings", "cachetunings"):
        controlplane.kubectl(
            "wait", f"crd/{name}.setpoint.dev", "--for=condition=Established", "--timeout=20s"
        )
    controlplane.create_namespace(NAMESPACE)
    return controlplane


def test_the_definitions_can_be_applied_again(cluster: Cluster) -> None:
    """By whatever way: a user upgrades, a GitOps tool applies every few minutes."""
    again = cluster.kubectl("apply", "-k", str(ROOT / "crds")).stdout
    assert again.count("unchanged") == 3, again
    server_side = ("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    cluster.kubectl(*server_side)
    cluster.kubectl("replace", "-k", str(ROOT / "crds"))


def manifest(kind: str, spec: Any, name: str | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name or f"r{next(_numbers)}", "namespace": NAMESPACE},
        "spec": spec,
    }


def changed(kind: str, path: str, value: Any) -> dict[str, Any]:
    """GOOD with one value replaced; None removes it."""
    spec = copy.deepcopy(GOOD[kind])
    *parents, last = path.split(".")
    node: Any = spec
    for parent in parents:
        node = node[int(parent)] if isinstance(node, list) else node.setdefault(parent, {})
    if value is None:
        node.pop(last)
    else:
        node[last] = value
    return spec


@pytest.mark.parametrize("kind", GOOD)
def test_good_ones_are_taken_with_their_defaults(cluster: Cluster, kind: str) -> None:
    made = manifest(kind, GOOD[kind])
    tried = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    found = json.loads(cluster.kubectl(*tried, stdin=json.dumps(made)).stdout)
    assert found["status"] == {"observedGeneration": -1}
    assert (found["spec"]["approval"], found["spec"]["deletionPolicy"]) == ("Required", "Retain")
    applied = ("apply", "-f", "-")
    cluster.kubectl(*applied, stdin=json.dumps(made))
    assert "unchanged" in cluster.kubectl(*applied, stdin=json.dumps(made)).stdout


@pytest.mark.parametrize(
    ("kind", "path", "value", "sentence"),
    [
        ("ScalingPolicy", "capacity.min", 30, "capacity.min must not be greater than"),
        ("ScalingPolicy", "capacity.min", -1, "greater than or equal to 0"),
        ("ScalingPolicy", "capacity.min", "two", "must be of type integer"),
        ("ScalingPolicy", "interval", "5s", "interval must be between 10s and 24h"),
        ("ScalingPolicy", "interval", "25h", "interval must be between 10s and 24h"),
        ("ScalingPolicy", "interval", "1.5m", "should match"),
        ("ScalingPolicy", "mode", "Destroy", 'supported values: "Observe", "Plan", "Enforce"'),
        ("ScalingPolicy", "alerts.thresholds.cpu", "80", "should match"),
        ("ScalingPolicy", "alerts.slack.channel", "general", "should match"),
        ("ScalingPolicy", "alerts.slack.channel", None, "set either channel"),
        ("ScalingPolicy", "alerts.slack.webhookSecretRef", {"name": "a", "key": "b"}, "not both"),
        ("ScalingPolicy", "alerts.evaluations.of", 1, "breaches must not be greater than of"),
        ("ScalingPolicy", "alerts.hysteresis", "51%", "must not be more than 50%"),
        ("ScalingPolicy", "alerts.rules.0.hysteresis", "51%", "must not be more than 50%"),
        ("ScalingPolicy", "alerts.rules.0.rule", "hitRate", "this kind has the rules cpu"),
        ("ScalingPolicy", "alerts.rules.0.rule", "CPU", "supported values"),
        ("ScalingPolicy", "alerts.group", {"interval": "0s"}, "at least 1s"),
        ("ScalingPolicy", "alerts.group", {"repeat": "1m"}, "not be shorter than group.interval"),
        ("ScalingPolicy", "alerts.silences.0.reason", None, "Required value"),
        ("ScalingPolicy", "alerts.silences.0.until", "2026-01-01T00:00:00Z", "after since"),
        ("ScalingPolicy", "alerts.muteWindows.0.cron", "0 22 * *", "should match"),
        ("ScalingPolicy", "alerts.muteWindows.0.duration", "200h", "not be longer than 168h"),
        ("ScalingPolicy", "alerts.slo", {}, "set latency, errors or both"),
        ("ScalingPolicy", "alerts.slo.errors.objective", "100%", "between 50% and 99.99%"),
        ("DBTuning", "alerts", {"rules": [{"rule": "cpu"}]}, "has the rules storageFull"),
        ("CacheTuning", "alerts", {"rules": [{"rule": "cpu"}]}, "has the rules hitRate"),
        ("ScalingPolicy", "aws.role", "admin", "should match"),
        ("ScalingPolicy", "target", None, "Required value"),
        ("ScalingPolicy", "capacty", {"min": 1}, "unknown field"),
        ("ScalingPolicy", "targetTracking.0.metric", "CPUs", "none that AWS predefines"),
        ("ScalingPolicy", "targetTracking.0.target", 101, "at most 100 percent"),
        ("ScalingPolicy", "targetTracking.0.target", "lots", "should match"),
        ("ScalingPolicy", "targetTracking.0.scaleInCooldown", "25h", "must not be longer than 24h"),
        ("ScalingPolicy", "metrics", None, "needs resourceLabel, or metrics.loadBalancer"),
        (
            "ScalingPolicy",
            "targetTracking.2.custom.metricName",
            None,
            "set namespace and metricName",
        ),
        ("ScalingPolicy", "stepScaling.0.steps.0.below", 5, "either above or below"),
        ("ScalingPolicy", "stepScaling.0.steps.0.remove", 5, "exactly one of add, remove and set"),
        ("ScalingPolicy", "stepScaling.0.steps.0.add", "20%", "must add a number, or all a share"),
        (
            "ScalingPolicy",
            "stepScaling.0.custom",
            {"namespace": "App", "metricName": "Depth"},
            "either metric",
        ),
        (
            "ScalingPolicy",
            "predictiveScaling.0.maxCapacityBuffer",
            10,
            "maxCapacityBuffer goes with",
        ),
        ("ScalingPolicy", "schedules.0.min", None, "a schedule sets min, max or both"),
        ("ScalingPolicy", "schedules.0.max", 5, "min must not be greater than max"),
        ("ScalingPolicy", "schedules.0.schedule", "0 8 * * *", "should match"),
        ("ScalingPolicy", "schedules.0.end", "2026-01-01T00:00:00Z", "start must be before end"),
        ("ScalingPolicy", "target", TABLE, "set custom for another"),
        ("ScalingPolicy", "target", {**TABLE, "ecs": ECS}, "set either ecs or scalableTarget"),
        ("DBTuning", "rds.maxAllocatedStorage", "100Gi", "must not be smaller"),
        ("DBTuning", "rds.allocatedStorage", "2Ti", "must not be smaller"),
        ("DBTuning", "rds.allocatedStorage", "200G", "should match"),
        ("DBTuning", "rds.instanceClass", "large", "should match"),
        ("DBTuning", "postgres.databases", ["a", "a"], "Duplicate value"),
        ("DBTuning", "postgres.replicas.0.secretRef.name", "Bad_Name", "should match"),
        ("DBTuning", "postgres.memory", "16", "should match"),
        ("DBTuning", "analysis.deadTuples", "101%", "at most 100%"),
        ("DBTuning", "analysis.deadTuples", "0%", "above 0%"),
        ("DBTuning", "analysis.longTransaction", "5 minutes", "should match"),
        ("DBTuning", "indexes.maxTotalSize", "500M", "should match"),
        ("DBTuning", "indexes.maxIndexes", 0, "greater than or equal to 1"),
        ("DBTuning", "indexes.maxPerTable", 9, "must not exceed maxIndexes"),
        ("DBTuning", "indexes.time", "1h", "between 1s and 10m"),
        ("DBTuning", "indexes.every", "1m", "between 10m and 720h"),
        ("DBTuning", "postgres", None, "indexes needs postgres"),
        ("DBTuning", "ignore.0.reason", None, "Required value"),
        ("DBTuning", "ignore", [{"reason": "r"}], "set finding, object or both"),
        ("DBTuning", "ignore.0.until", "2027-13-01", "should match"),
        ("DBTuning", "ignore.0.finding", "unused index", "should match"),
        ("DBTuning", "rds.storageType", "gp1", "supported values"),
        ("DBTuning", "rds.storageType", "gp2", "rds.iops can be chosen for gp3, io1 and io2 only"),
        ("DBTuning", "rds.storageType", "io1", "rds.storageThroughput can be chosen for gp3 only"),
        ("DBTuning", "rds.storageThroughput", 3500, "at most a quarter of rds.iops"),
        ("DBTuning", "rds.iops", 10, "greater than or equal to 1000"),
        ("DBTuning", "rds.maxModificationsPerDay", 0, "greater than or equal to 1"),
        ("DBTuning", "rds.window.cron", "0 3 * *", "should match"),
        ("DBTuning", "rds.window.cron", "60 3 * * *", "write five cron fields"),
        ("DBTuning", "rds.window.cron", "0 3 32 * *", "write five cron fields"),
        ("DBTuning", "rds.window.cron", "0 3 * * SUNDAY", "write five cron fields"),
        ("DBTuning", "rds.window.cron", "0 3 * * 1#6", "write five cron fields"),
        ("DBTuning", "rds.window.duration", "5m", "must be between 10m and 24h"),
        ("DBTuning", "rds.window.duration", None, "Required value"),
        ("DBTuning", "rds.window.timeZone", "Mars/Phobos", "rds.window.timeZone"),
        ("DBTuning", "rds.window.timeZone", "../UTC", "should match"),
        ("DBTuning", "alerts.slack", {}, "set either channel"),
        ("CacheTuning", "defaultTTL.include", [], "should have at least 1 items"),
        ("CacheTuning", "defaultTTL.include", None, "Required value"),
        ("CacheTuning", "defaultTTL.ttl", "10s", "must be at least 1m"),
        ("CacheTuning", "defaultTTL.jitter", "51%", "at most 50%"),
        ("CacheTuning", "config.maxmemoryPolicy", "lru", "supported values"),
        ("CacheTuning", "redis.secretRef.name", "Bad_Name", "should match"),
        ("CacheTuning", "redis.memoryLimit", "1Gi", "the memory of ElastiCache's nodes is known"),
        ("CacheTuning", "config.maxmemory", "1Gi", "follows from the node type"),
        ("CacheTuning", "config.rewrite", True, "its parameter group keeps settings"),
        ("CacheTuning", "redis", None, "defaultTTL needs redis"),
        ("CacheTuning", "elastiCache.cluster", "carts", "exactly one of replicationGroup"),
        ("CacheTuning", "elastiCache.replicationGroup", None, "exactly one of replicationGroup"),
        ("CacheTuning", "elastiCache.replicationGroup", "a--b", "should match"),
        ("CacheTuning", "elastiCache.sharedWith", ["carts"], "should match"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_ones_are_refused_with_a_sentence(
    cluster: Cluster, kind: str, path: str, value: Any, sentence: str
) -> None:
    answer = cluster.apply(manifest(kind, changed(kind, path, value)), check=False)
    assert sentence in answer


@pytest.mark.parametrize(
    ("scalable", "changes", "sentence"),
    [
        ({"scalableDimension": "ecs:service:DesiredCount"}, {}, "must be one of serviceNamespace"),
        ({"resourceId": "cluster:orders"}, {}, "does not have the form"),
        ({"serviceNamespace": "dynamo"}, {}, "Unsupported value"),
        ({}, {"stepScaling": STEPS}, "no step scaling for this service"),
        ({}, {"predictiveScaling": [{"metric": "CPU", "target": 1}]}, "ECS services only"),
        ({}, {"targetTracking": [{"metric": "CPU", "target": 1}]}, "none that AWS predefines"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_aws_does_not_support_is_refused(
    cluster: Cluster, scalable: dict[str, Any], changes: dict[str, Any], sentence: str
) -> None:
    target = {"scalableTarget": {**TABLE["scalableTarget"], **scalable}}
    spec = {"target": target, "capacity": {"min": 5, "max": 50}, "targetTracking": READS, **changes}
    assert sentence in cluster.apply(manifest("ScalingPolicy", spec), check=False)


def test_another_service_of_aws_is_taken(cluster: Cluster) -> None:
    spec = {"target": TABLE, "capacity": {"min": 5, "max": 50}, "targetTracking": READS}
    assert "created" in cluster.apply(manifest("ScalingPolicy", spec))


def documented() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every resource in a YAML block of the docs."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        blocks = re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        for number, block in enumerate(blocks):
            found = yaml.safe_load(block)
            if isinstance(found, dict) and found.get("kind") in MODELS:
                yield f"{path.name}-{number}", found


@pytest.mark.parametrize(
    ("place", "resource"), list(documented()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_the_docs_show_is_taken(
    cluster: Cluster, place: str, resource: dict[str, Any]
) -> None:
    resource["metadata"] = {"name": place.lower(), "namespace": NAMESPACE}
    assert "created" in cluster.apply(resource)


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "deploy/samples").rglob("*tuning.yaml")),
    ids=lambda path: path.parent.name,
)
def test_the_samples_are_taken(cluster: Cluster, path: Path) -> None:
    sample = yaml.safe_load(path.read_text(encoding="utf-8"))
    sample["metadata"] = {"name": f"sample-{next(_numbers)}", "namespace": NAMESPACE}
    assert "created" in cluster.apply(sample)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("DBTuning", "set rds, postgres or both"), ("CacheTuning", "set redis, elastiCache or both")],
)
def test_both_halves_missing(cluster: Cluster, kind: str, sentence: str) -> None:
    assert sentence in cluster.apply(manifest(kind, {"mode": "Plan"}), check=False)


def test_a_serverless_cache_is_measured_only(cluster: Cluster) -> None:
    spec: dict[str, Any] = {"elastiCache": {"serverlessCache": "carts"}}
    assert "created" in cluster.apply(manifest("CacheTuning", spec))
    for more in ({"config": {"timeout": 60}}, {"config": {"lazyfreeLazyUserDel": True}}):
        answer = cluster.apply(manifest("CacheTuning", {**spec, **more}), check=False)
        assert "config cannot be set on a serverless cache" in answer


@pytest.mark.parametrize(
    ("kind", "path", "value", "sentence"),
    [
        ("ScalingPolicy", "target.ecs.service", "other", "target cannot be changed"),
        ("DBTuning", "rds.instance", "other", "rds.instance cannot be changed"),
        ("CacheTuning", "elastiCache.replicationGroup", "other", "elastiCache names cannot be"),
    ],
)
def test_what_cannot_change_afterwards(
    cluster: Cluster, kind: str, path: str, value: str, sentence: str
) -> None:
    made = manifest(kind, GOOD[kind])
    cluster.apply(made)
    again = manifest(kind, changed(kind, path, value), made["metadata"]["name"])
    assert sentence in cluster.apply(again, check=False)


def mutations(draw: random.Random, node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every place in a spec, with a value that may or may not be right there."""
    values = ["", "x" * 300, "5m", "0s", "80%", "-1", 0, -1, 1, 10**12, True, [], {}, "ключ", "a/b"]
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in items:
        here = f"{path}.{key}" if path else str(key)
        yield here, draw.choice(values)
        if isinstance(child, dict | list) and child:
            yield from mutations(draw, child, here)


@pytest.mark.parametrize("kind", GOOD)
def test_the_model_reads_whatever_the_api_server_took(cluster: Cluster, kind: str) -> None:
    """And refuses nothing that is valid: a resource that was taken must never be unreadable."""
    seed = 20261123
    print(f"seed {seed}")
    draw = random.Random(seed)
    tried = [
        (path, value)
        for _ in range(6)
        for path, value in mutations(draw, GOOD[kind])
        if not path.rpartition(".")[2].isdigit()
    ]
    tried.append(("mode", "Observe"))
    specs = [changed(kind, path, value) for path, value in tried]
    names = [f"m{next(_numbers)}" for _ in specs]
    manifests = [manifest(kind, s, n) for s, n in zip(specs, names, strict=True)]
    cluster.apply(*manifests, check=False)
    plural = MODELS[kind].names.plural
    items = cluster.api.get("setpoint.dev/v1alpha1", plural, namespace=NAMESPACE)["items"]
    taken = {item["metadata"]["name"]: item for item in items}
    accepted = refused_by_both = 0
    for name, spec, what in zip(names, specs, tried, strict=True):
        if name in taken:
            MODELS[kind].model_validate({"spec": taken[name]["spec"]})
            accepted += 1
        else:
            try:
                MODELS[kind].model_validate({"spec": spec})
            except ValidationError:
                refused_by_both += 1
            else:  # only a rule of CEL, or a limit of Kubernetes' own, may be stricter
                print(f"{kind}: the API server alone refuses {what}")
    assert accepted > 0
    assert refused_by_both > len(specs) // 3


@pytest.mark.parametrize("kind", ["scalingpolicy", "dbtuning", "cachetuning"])
def test_explain_describes_every_field(cluster: Cluster, kind: str) -> None:
    for part in ("spec", "status"):
        text = cluster.kubectl("explain", f"{kind}.{part}").stdout
        fields = text.partition("FIELDS:")[2]
        assert fields.strip()
        assert "<no description>" not in text


def test_columns(cluster: Cluster) -> None:
    heads = {
        kind: cluster.kubectl("get", kind, "-n", NAMESPACE).stdout.splitlines()[0].split()
        for kind in ("sp", "dbt", "ct")
    }
    assert heads == {
        "sp": ["NAME", "TARGET", "MODE", "CAPACITY", "CPU", "MEM", "ALERTS", "READY", "AGE"],
        "dbt": ["NAME", "INSTANCE", "CLASS", "STORAGE", "PENDING", "FINDINGS", "WORST", "READY", "AGE"],
        "ct": ["NAME", "HIT-RATE", "MEMORY", "POLICY", "SWEEP", "FINDINGS", "READY", "AGE"],
    }  # fmt: skip
    assert cluster.kubectl("get", "setpoint", "-n", NAMESPACE).stdout.count("NAME") == 3
