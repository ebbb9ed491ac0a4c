"""How fast AWS may be called: rates by API, and the bucket that keeps to one. Pure.

A bucket stands for one account, region and API. While AWS throttles it is closed, with exponential
backoff and full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

from collections.abc import Callable
from dataclasses import dataclass

BACKOFF_BASE, BACKOFF_CEILING = 1.0, 60.0
"""Seconds: the first backoff, and what the doubling never exceeds."""

_PROBE = 5.0
"""Seconds within which AWS answers the one call that tries whether it still throttles."""


@dataclass(frozen=True)
class Rate:
    """Calls a second in the long run, and at once; `serial`: one at a time."""

    per_second: float
    burst: int
    serial: bool = False


_AAS = "application-autoscaling"
_READS = ("describe_", "get_", "list_")

_DEFAULT = Rate(20, 40)
"""Below the quotas that AWS publishes for reads of ECS, RDS and STS."""

_AAS_READS = Rate(10, 20)
"""AWS does not publish Application Auto Scaling's own; its reads bear this in practice."""

_AAS_WRITES = Rate(2, 6, serial=True)
"""Three or four writes at once are throttled: hashicorp/terraform-provider-aws#31447."""

_ELASTICACHE = Rate(5, 10)
"""AWS does not publish ElastiCache's either; one list of clusters serves all resources."""

_RATES = {
    # It asks CloudWatch's DescribeAlarms for us, 9/s in a region: aws/aws-sdk-go#1472.
    (_AAS, "describe_scaling_policies"): Rate(5, 10),
    # Sustained 20/s, burst 100, of the account: ECS's "Request throttling" (service reads).
    ("ecs", "describe_services"): Rate(10, 20),
    # 9/s in a region, and Application Auto Scaling has its part of it: CloudWatch's quotas.
    ("cloudwatch", "describe_alarms"): Rate(3, 6),
    # 50/s in a region, shared with every dashboard: CloudWatch's quotas.
    ("cloudwatch", "get_metric_data"): Rate(10, 20),
}


def api(service: str, operation: str) -> str:
    """The name of what shares one bucket: an operation, or all writes of a service."""
    if service == _AAS and not operation.startswith(_READS):
        return "writes"
    return operation


def rate(service: str, operation: str) -> Rate:
    """By boto3's names."""
    found = _RATES.get((service, operation))
    if found is not None:
        return found
    if service == "elasticache":
        return _ELASTICACHE
    if service == _AAS:
        return _AAS_READS if operation.startswith(_READS) else _AAS_WRITES
    return _DEFAULT


class Bucket:
    """Times are seconds of one monotonic clock; `draw` gives numbers in [0, 1)."""

    def __init__(self, rate: Rate, now: float, draw: Callable[[], float]) -> None:
        self.rate = rate
        self._draw = draw
        self._tokens, self._filled = float(rate.burst), now
        self._refusals = 0
        self._closed_at = self._closed_until = float("-inf")

    def reserve(self, now: float) -> float:
        """Take a token, perhaps one that is still to come: seconds until it is there."""
        gained = (now - self._filled) * self.rate.per_second
        self._tokens, self._filled = min(self._tokens + gained, float(self.rate.burst)), now
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate.per_second)

    def give_back(self) -> None:
        """The token is not used."""
        self._tokens += 1

    def closed_for(self, now: float) -> float:
        """Seconds for which no call may be sent; 0 if one may."""
        return max(0.0, self._closed_until - now)

    def begin(self, now: float) -> None:
        """A call is sent. While it is not known whether AWS still throttles, it is the only one."""
        if self._refusals:
            self._closed_until = now + min(self.backoff, _PROBE)

    def answered(self) -> None:
        """AWS answered, and did not throttle."""
        self._refusals, self._closed_until = 0, float("-inf")

    def throttled(self, sent: float, now: float) -> None:
        """AWS throttled a call sent at `sent`. Calls that were under way together count once."""
        if sent >= self._closed_at:
            self._refusals += 1
            self._closed_at = now
        self._closed_until = now + self.backoff * self._draw()

    @property
    def backoff(self) -> float:
        """Seconds that the bucket is closed for at most; 0 if AWS does not throttle."""
        if not self._refusals:
            return 0.0
        exponent = min(self._refusals - 1, 32)  # further doubling only overflows
        return min(BACKOFF_BASE * 2.0**exponent, BACKOFF_CEILING)
