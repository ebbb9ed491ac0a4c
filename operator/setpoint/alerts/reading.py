"""What a rule says about its target at one look, and how the rule is set. Plain values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from setpoint.api.findings import Severity

Name = tuple[str, str]
"""Of an alert within its resource: rule and target."""

EVERYTHING = "*"
"""Target of an alert about many findings at once."""

TARGET_SIZE = 128


@dataclass(frozen=True)
class Settings:
    """How a rule fires and ends. `hysteresis` in percent of the threshold."""

    for_: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    breaches: int = 1
    of: int = 1
    hysteresis: float = 0.0


@dataclass(frozen=True)
class Reading:
    """One rule at one look.

    `breached` says whether an alert may begin, `holds` whether one that fires goes on (hysteresis
    lies between the two); None: not known, which changes nothing. `gone`: the rule is no longer
    there, so its alert ends at once. `number` is the value for the trend, in `unit`.
    """

    rule: str
    target: str
    severity: Severity
    breached: bool | None
    holds: bool | None
    value: str = ""
    threshold: str = ""
    unit: str = ""
    number: float | None = None
    summary: str = ""
    settings: Settings = Settings()
    gone: bool = False

    @property
    def name(self) -> Name:
        """Its identity within the resource."""
        return self.rule, self.target


Readings = Mapping[Name, Reading]


def fingerprint(uid: str, name: Name) -> str:
    """16 hex digits over resource, rule and target: no numbers, no wording."""
    return hashlib.sha256(json.dumps([uid, *name]).encode()).hexdigest()[:16]


def short_target(text: str) -> str:
    """A target in at most 128 characters, still told apart from others with the same beginning."""
    if len(text) <= TARGET_SIZE:
        return text
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: TARGET_SIZE - 10]}…#{mark}"


def sentence(rule: str, value: str, threshold: str) -> str:
    """A value over its threshold in words: `cpu is 93% (threshold 80%)`."""
    return f"{rule} is {value} (threshold {threshold})"
