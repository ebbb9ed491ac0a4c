"""What tests and the demo ask of the stand-in."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

ACCESS_KEY = "AKIASETPOINTLOCAL000"


class AwsStack:
    """A client of the control calls; `base_url` is like http://127.0.0.1:8000."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def boto3_client(self, service: str, region: str) -> Any:
        """A real boto3 client of the stand-in."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.base_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key="not-a-secret",  # noqa: S106 - nobody checks it
            config=Config(retries={"total_max_attempts": 1}),
        )

    def ledger(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls after sequence number `since`, with service, operation, params and error code."""
        found: list[dict[str, Any]] = self._call("GET", f"ledger?since={since}")
        return found

    def last_call(self) -> int:
        """The newest sequence number."""
        return max((entry["seq"] for entry in self.ledger()), default=0)

    def mutations(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls that may change something."""
        return [entry for entry in self.ledger(since) if entry["mutating"]]

    def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Replace the faults: service, operation (glob), kind, count, code, message, delay_ms."""
        self._call("PUT", "faults", [dict(fault) for fault in faults])

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
    ) -> None:
        """A steady value, one datapoint a minute, for the last ten minutes and from now on."""
        body = {"region": region, "namespace": namespace, "name": name}
        self._call("POST", "metric", {**body, "dimensions": dict(dimensions), "value": value})

    def run_maintenance(self, region: str) -> None:
        """RDS's maintenance window: what is pending takes effect."""
        self._call("POST", "maintenance", {"region": region})

    def set_instance(self, region: str, name: str, **values: Any) -> None:
        """Overwrite what DescribeDBInstances says of an instance."""
        self._call("POST", "instance", {"region": region, "name": name, "values": values})

    def settings(self, **values: Any) -> None:
        """settleSeconds, rdsSeconds, refusedRoles, externalIds."""
        self._call("POST", "settings", values)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.base_url}/_stack/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)
