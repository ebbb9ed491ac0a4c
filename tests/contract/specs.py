"""Random specs that the API server takes: every mode, most fields, good and bad targets."""

import random
from collections.abc import Callable
from typing import Any

Spec = dict[str, Any]

POLICIES = ("noeviction", "allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl")
CLASSES = ("db.t4g.medium", "db.r6g.large", "db.r6g.xlarge")
SECRETS = ("good", "good", "good", "good", "wrong", "missing", "refused", "broken", "closed")


def common(draw: random.Random, channel: str) -> Spec:
    """What all kinds share."""
    spec: Spec = {
        "mode": draw.choice(["Enforce", "Enforce", "Enforce", "Plan", "Observe"]),
        "approval": draw.choice(["None", "None", "Required"]),
        "suspend": draw.random() < 0.07,
        "interval": draw.choice(["10s", "10s", "1m", "1h"]),
        "deletionPolicy": draw.choice(["Retain", "Retain", "Retain", "Revert"]),
    }
    if draw.random() < 0.4:
        token = {"name": draw.choice(["slack", "slack", "no-slack"]), "key": "token"}
        spec["alerts"] = {
            "group": {"wait": "0s", "interval": "1s"},
            "findings": draw.choice(["None", "Critical", "Warning"]),
            "slack": {"channel": channel, "tokenSecretRef": token},
        }
    return spec


def scaling(draw: random.Random, channel: str, services: int) -> Spec:
    """A ScalingPolicy's; fewer services than resources, so that some name the same one."""
    spec = common(draw, channel)
    low = draw.randrange(5)
    spec["target"] = {"ecs": {"cluster": "prod", "service": f"svc-{draw.randrange(services + 1)}"}}
    spec["capacity"] = {"min": low, "max": low + draw.randrange(1, 20)}
    tracked = draw.sample(["CPU", "Memory"], draw.randrange(3))
    spec["targetTracking"] = [{"metric": m, "target": draw.randrange(30, 90)} for m in tracked]
    if draw.random() < 0.3:
        steps = [{"above": 80, "add": 2}, {"above": 90, "add": draw.randrange(3, 6)}]
        spec["stepScaling"] = [{"name": "steps", "metric": "CPU", "steps": steps}]
    if draw.random() < 0.2:
        when = {"name": "morning", "schedule": "cron(0 8 ? * MON-FRI *)", "min": low}
        spec["schedules"] = [when]
    if draw.random() < 0.06:
        spec["aws"] = {"region": "us-east-1"}  # not granted
    if "alerts" in spec:
        spec["alerts"]["thresholds"] = {"cpu": f"{draw.randrange(20, 90)}%"}
    return spec


def cache(draw: random.Random, channel: str, servers: int) -> Spec:
    """A CacheTuning's."""
    spec = common(draw, channel)
    which = draw.choice(SECRETS)
    number = draw.randrange(servers)
    spec["redis"] = {"secretRef": {"name": f"redis-{which}-{number}"}}
    config: Spec = {}
    if draw.random() < 0.7:
        config["maxmemoryPolicy"] = draw.choice(POLICIES)
    if draw.random() < 0.4:
        config["acknowledge"] = ["sessions", "Sidekiq"]
    if draw.random() < 0.4:
        config["slowlogMaxLen"] = draw.choice([64, 128, 256])
    if draw.random() < 0.3:
        config["maxmemory"] = draw.choice(["64Mi", "128Mi", "512Mi"])
    spec["config"] = config
    if draw.random() < 0.3:
        spec["defaultTTL"] = {
            "ttl": draw.choice(["1h", "2h", "24h"]),
            "include": draw.choice([["*"], ["session:*"]]),
            "exclude": ["pinned:*"],
        }
    if "alerts" in spec:
        spec["alerts"]["thresholds"] = {"hitRate": "80%", "memoryUsage": "80%"}
    return spec


def database(draw: random.Random, channel: str, instances: int) -> Spec:
    """A DBTuning's: an RDS instance, a Postgres server, or both."""
    spec = common(draw, channel)
    has_rds = draw.random() < 0.6
    if has_rds:
        spec["rds"] = {
            "instance": f"db-{draw.randrange(instances + 1)}",
            "instanceClass": draw.choice(CLASSES),
            "allocatedStorage": f"{draw.choice([100, 120, 200])}Gi",
            "maxAllocatedStorage": "1Ti",
            "maxModificationsPerDay": draw.choice([1, 4]),
        }
        if draw.random() < 0.4:
            spec["rds"]["window"] = {"cron": "0 3 * * SUN", "duration": "2h", "timeZone": "UTC"}
    if not has_rds or draw.random() < 0.5:
        spec["postgres"] = {"secretRef": {"name": f"postgres-{draw.choice(SECRETS)}"}}
        spec["analysis"] = {"sequentialScans": {"minScans": draw.choice([100, 1000, 5000])}}
    if draw.random() < 0.3:
        finding = draw.choice(["UnusedIndex", "SequentialScans", "StorageLow"])
        spec["ignore"] = [{"finding": finding, "reason": "known"}]
    return spec


Draw = Callable[[random.Random, str, int], Spec]

KINDS: dict[str, Draw] = {
    "scalingpolicies": scaling,
    "cachetunings": cache,
    "dbtunings": database,
}
"""How a spec is drawn, by the plural of the kind; the number is that of the targets."""
