"""What tests, benchmarks and the demo ask of the stand-in beside AWS's own API."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config

ACCESS_KEY = "AKIASETPOINTLOCAL000"
OPERATOR_KEY = "OPERATOR"
"""Before the number of an account: the access key of an operator in it, which policies may bind."""
OPERATOR_POLICIES = ("*-enforce", "assume-roles", "targets/*")
"""Files of deploy/iam for an operator that may do everything."""
_POLICIES = Path(__file__).parents[3] / "deploy/iam"


def iam_policies(*names: str) -> list[dict[str, Any]]:
    """The documents of deploy/iam with these names, which may be globs."""
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for name in names
        for path in sorted(_POLICIES.glob(f"{name}.json"))
    ]


class AwsStack:
    """A client of the control calls; `base_url` is like http://127.0.0.1:8000.

    With an account of 12 digits everything concerns that account only, and its access key is the
    account's number: so tests share a server. Without one, calls go to the account 123456789012,
    and `ledger`, faults and `reset` concern all accounts. Raises RuntimeError with the stand-in's
    words for a control call that it refuses.
    """

    def __init__(self, base_url: str, account: str | None = None) -> None:
        self.base_url = base_url
        self.account = account

    def in_account(self, account: str) -> "AwsStack":
        """The same server, in an account of its own."""
        return AwsStack(self.base_url, account)

    def environment(self) -> dict[str, str]:
        """Variables with which boto3 and the AWS CLI use the stand-in."""
        return {
            "AWS_ENDPOINT_URL": self.base_url,
            "AWS_ACCESS_KEY_ID": self.account or ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        }

    def boto3_client(self, service: str, region: str) -> Any:
        """A real boto3 client of the stand-in, which tries each call once. Nothing of the user's
        environment reaches it but what boto3 reads of itself, proxies and bundles excepted."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.base_url,
            aws_access_key_id=self.account or ACCESS_KEY,
            aws_secret_access_key="not-a-secret",  # noqa: S106 - nobody checks it
            verify=False,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def ledger(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls after sequence number `since`: seq, time (s), service, operation, mutating, params,
        account, region, accessKey, role, status (0: none), code, fault, ms."""
        found: list[dict[str, Any]] = self._call("GET", "ledger", query={"since": since})
        return found

    def last_call(self) -> int:
        """The newest sequence number."""
        found: int = self._call("GET", "ledger/last")
        return found

    def counts(self, since: int = 0) -> dict[str, int]:
        """How often each `service:Operation` was called after sequence number `since`."""
        found: dict[str, int] = self._call("GET", "ledger/counts", query={"since": since})
        return found

    def mutations(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls that may change something."""
        return [entry for entry in self.ledger(since) if entry["mutating"]]

    def clear_ledger(self) -> None:
        """Forget the calls so far; sequence numbers go on."""
        self._call("DELETE", "ledger")

    def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Replace the faults: service, operation (globs), kind, match, after, per_second, count,
        rate, code, message, status, delay_ms; see `stack.aws.faults.Fault`."""
        self._call("PUT", "faults", {"faults": [dict(fault) for fault in faults]})

    def faults(self) -> list[dict[str, Any]]:
        """The faults with what is left of their counts."""
        found: list[dict[str, Any]] = self._call("GET", "faults")
        return found

    def clear_faults(self) -> None:
        """No faults any more."""
        self._call("DELETE", "faults")

    def set_metric(
        self,
        region: str,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float | None,
        *,
        minutes: float = 10,
        samples: float | None = None,
        unit: str | None = None,
        status: str = "Complete",
    ) -> None:
        """A steady value, one datapoint a minute, for the last `minutes` and from now on; None ends
        the metric. It replaces what the metric had. `samples` is its SampleCount; if it is not
        given, 1, and for a service of ECS its running tasks. `status` is what GetMetricData says
        of it: with InternalError or Forbidden it gives no datapoints."""
        series = {"namespace": namespace, "name": name, "dimensions": dict(dimensions),
                  "value": value, "minutes": minutes, "samples": samples, "unit": unit,
                  "status": status}  # fmt: skip
        self._call("PUT", "metrics", {"region": region, "series": [series]})

    def put_points(
        self,
        region: str,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        points: Mapping[float, float],
        *,
        unit: str | None = None,
    ) -> None:
        """Add datapoints: values by seconds since 1970."""
        series = {"namespace": namespace, "name": name, "dimensions": dict(dimensions),
                  "points": list(points.items()), "unit": unit}  # fmt: skip
        self._call("PUT", "metrics", {"region": region, "series": [series]})

    def add_activity(self, region: str, resource: str, **values: Any) -> None:
        """A scaling activity, by AWS's names; times as ISO 8601. What is left out is filled in."""
        activity = {"ResourceId": resource, **values}
        self._call("POST", "activities", {"region": region, "activities": [activity]})

    def fire_schedule(
        self,
        region: str,
        resource: str,
        name: str,
        *,
        namespace: str = "ecs",
        dimension: str = "ecs:service:DesiredCount",
    ) -> None:
        """The time of a scheduled action has come: it rewrites the target's bounds for good."""
        values = {"region": region, "resource": resource, "name": name,
                  "namespace": namespace, "dimension": dimension}  # fmt: skip
        self._call("POST", "schedules/fire", values)

    def set_target(
        self,
        region: str,
        resource: str,
        *,
        namespace: str = "ecs",
        dimension: str = "ecs:service:DesiredCount",
        **values: Any,
    ) -> None:
        """Overwrite what DescribeScalableTargets says of a target, by AWS's names: what predictive
        scaling does (PredictedCapacity, a raised MaxCapacity). Capacity does not move."""
        named = {"region": region, "resource": resource, "namespace": namespace,
                 "dimension": dimension}  # fmt: skip
        self._call("PUT", "target", {**named, "values": values})

    def put_raw(self, region: str, listing: str, objects: Sequence[Mapping[str, Any]]) -> None:
        """Objects that a listing gives beside its own, as they are: values that AWS has added
        since. `listing`: ScalableTargets, ScalingPolicies, ScheduledActions or MetricAlarms; times
        as ISO 8601. They replace those that were put before."""
        values = {"region": region, "listing": listing, "objects": [dict(o) for o in objects]}
        self._call("PUT", "raw", values)

    def create_services(
        self,
        region: str,
        cluster: str,
        prefix: str,
        count: int,
        *,
        tasks: int = 2,
        scaling: Mapping[str, float] | None = None,
        load: Mapping[str, float] | None = None,
    ) -> list[str]:
        """Many ECS services at once, outside the ledger; their names are `prefix` and a number.

        `scaling` (min, max, and cpu and memory in percent) gives each a scalable target with the
        policies cpu-scaling and memory-scaling and their alarms; `load` (cpu, memory: percent)
        steady metrics.
        """
        values = {"region": region, "cluster": cluster, "prefix": prefix, "count": count,
                  "tasks": tasks, "scaling": scaling, "load": load}  # fmt: skip
        found: list[str] = self._call("POST", "bulk/services", values)
        return found

    def set_service(
        self,
        region: str,
        cluster: str,
        service: str,
        *,
        deploying: bool = False,
        running: int | None = None,
    ) -> None:
        """Hold an ECS service in a deployment (a second one, IN_PROGRESS, beside the old one), or
        at a number of running tasks (None: desired)."""
        values = {"region": region, "cluster": cluster, "service": service}
        self._call("PUT", "ecs/service", {**values, "deploying": deploying, "running": running})

    def run_maintenance(self, region: str, instance: str | None = None) -> None:
        """RDS's maintenance window of one instance or all is over: what was pending is done."""
        self._call("POST", "rds/maintenance", {"region": region, "instance": instance})

    def set_instance(self, region: str, name: str, **values: Any) -> None:
        """Overwrite what DescribeDBInstances says of an instance, by AWS's names."""
        self._call("PUT", "rds/instance", {"region": region, "name": name, "values": values})

    def set_cache(self, region: str, name: str, **values: Any) -> None:
        """Overwrite what is described of a replication group, a cache cluster or a serverless cache
        of ElastiCache, by AWS's names; of a parameter group, IsGlobal."""
        self._call("PUT", "elasticache/cache", {"region": region, "name": name, "values": values})

    def settings(self, **values: Any) -> None:
        """How the account behaves: settleSeconds, settleCalls, staleCalls, rdsAppearSeconds,
        rdsSeconds, rdsOptimizeSeconds, cacheSeconds, refusedRoles, externalIds
        (`stack.aws.state.Settings`)."""
        self._call("PUT", "settings", {"settings": values})

    def deny(self, *denials: Mapping[str, str]) -> None:
        """Replace the account's explicit denials: action, and perhaps resource and role, all globs.

        `cloudwatch:PutMetricAlarm` or `ecs:UpdateService` come back from Application Auto Scaling
        inside a ValidationException, as AWS has it.
        """
        self._call("PUT", "denials", {"denials": [dict(denial) for denial in denials]})

    def attach(self, principal: str, *documents: Mapping[str, Any]) -> None:
        """Let callers whose role's ARN, or else access key, matches a glob do only what these IAM
        policies allow. It outlives `reset`. Callers without policies may do everything."""
        self._call("PUT", "policies", {"principal": principal, "documents": list(documents)})

    def rights(self) -> dict[str, dict[str, list[str]]]:
        """What those callers made `used` of, and what they were `refused`, by principal."""
        found: dict[str, dict[str, list[str]]] = self._call("GET", "policies")
        return found

    def expire_sessions(self) -> None:
        """The credentials of every assumed role have expired."""
        self._call("POST", "sessions/expire")

    def reset(self) -> None:
        """The account, or everything, as at the start."""
        self._call("POST", "reset")

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        account = {"account": self.account} if self.account else {}
        asked = urlencode({**(query or {}), **account})
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.base_url}/_stack/{path}?{asked}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace").strip()
            raise RuntimeError(f"the stand-in for AWS refuses {method} {path}: {text}") from None
