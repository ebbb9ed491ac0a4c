"""What the rules of a resource say at a look: samples, findings, drift, what stands still. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from setpoint.alerts.reading import (
    EVERYTHING,
    Name,
    Reading,
    Readings,
    Settings,
    sentence,
    short_target,
)
from setpoint.api.alerts import Alert, Alerts, AlertState, FindingAlerts, RuleName, RuleSettings
from setpoint.api.findings import Severity
from setpoint.engine.model import Finding, Sample

SINGLE_FINDINGS = 10
"""With more findings than this to alert about, there is one alert for each rule instead."""
_SINGLE_AGAIN = 7

_LEAST_FOR = {
    RuleName.UNREACHABLE: timedelta(minutes=5),
    RuleName.NO_DATA: timedelta(minutes=15),
}
"""Rules that a moment of trouble would set off; `for` of the rule's own settings wins."""


@dataclass(frozen=True)
class Look:
    """What a look at a resource brought.

    `observed`: the target was seen at all; `complete`: all parts of it. `drifted`: sentences about
    differences that stay. `stalled`, `unreachable`: why, or empty.
    """

    observed: bool
    complete: bool = True
    samples: Sequence[Sample] = ()
    findings: Sequence[Finding] = ()
    drifted: Sequence[str] = ()
    stalled: str = ""
    unreachable: str = ""


def read(spec: Alerts, look: Look, items: Sequence[Alert]) -> Readings:
    """A reading for each rule that says something, and for each alert whose rule is gone."""
    rules = _Rules(spec)
    made: list[Reading] = []
    if look.observed:
        made += _samples(rules, look.samples)
        made += _findings(rules, look, items)
    made += _states(rules, look)
    found = {reading.name: reading for reading in made}
    for item in items:
        name = (item.rule, item.target)
        if name not in found and (reading := _absent(rules, look, item)) is not None:
            found[name] = reading
    return found


class _Rules:
    """The settings of each rule."""

    def __init__(self, spec: Alerts) -> None:
        self._spec = spec
        self._own = {own.rule: own for own in spec.rules}

    def is_on(self, rule: RuleName) -> bool:
        own = self._own.get(rule)
        if own is None or own.enabled is None:
            return rule is not RuleName.NO_DATA
        return own.enabled

    def severity(self, rule: RuleName, default: Severity) -> Severity:
        own = self._own.get(rule)
        return default if own is None or own.severity is None else Severity(own.severity)

    def settings(self, rule: RuleName) -> Settings:
        spec = self._spec
        own = self._own.get(rule) or RuleSettings(rule=rule)
        evaluations = own.evaluations or spec.evaluations
        least = _LEAST_FOR.get(rule, timedelta(0))
        return Settings(
            for_=max(spec.for_, least) if own.for_ is None else own.for_,
            keep_firing_for=spec.keep_firing_for
            if own.keep_firing_for is None
            else own.keep_firing_for,
            breaches=evaluations.breaches,
            of=evaluations.of,
            hysteresis=spec.hysteresis if own.hysteresis is None else own.hysteresis,
        )

    def alerts(self, finding: Finding) -> bool:
        least = self._spec.findings
        if least is FindingAlerts.NONE or not self.is_on(RuleName.FINDINGS):
            return False
        return finding.severity.rank <= Severity(least).rank


def rule_of(name: str) -> RuleName:
    """The rule that an alert's settings are found by: its own, or that of findings."""
    return RuleName(name) if name in list(RuleName) else RuleName.FINDINGS


def _samples(rules: _Rules, samples: Sequence[Sample]) -> Iterator[Reading]:
    for sample in samples:
        rule = RuleName(sample.rule)
        if rules.is_on(rule):
            yield _sample(rules, rule, sample)
        if rules.is_on(RuleName.NO_DATA):
            is_missing = sample.value is None
            yield Reading(
                rule=RuleName.NO_DATA,
                target=sample.rule,
                severity=rules.severity(RuleName.NO_DATA, Severity.WARNING),
                breached=is_missing,
                holds=is_missing,
                value="no data" if is_missing else "data again",
                summary=f"{sample.rule} has no data: look whether its source is still there"
                if is_missing
                else f"{sample.rule} has data again",
                settings=rules.settings(RuleName.NO_DATA),
            )


def _sample(rules: _Rules, rule: RuleName, sample: Sample) -> Reading:
    settings = rules.settings(rule)
    return Reading(
        rule=rule,
        target="",
        severity=rules.severity(rule, sample.severity),
        breached=sample.breached,
        holds=_holds(sample, settings.hysteresis),
        value=sample.shown,
        threshold=sample.shown_threshold,
        unit=sample.unit,
        number=None if sample.value is None else sample.value * sample.scale,
        summary=sample.summary or sentence(rule, sample.shown, sample.shown_threshold),
        settings=settings,
    )


def _holds(sample: Sample, hysteresis: float) -> bool | None:
    """Whether an alert that fires goes on: the value must come back by more than the hysteresis."""
    if sample.value is None:
        return None
    share = hysteresis / 100
    if sample.above:
        return sample.value > sample.threshold * (1 - share)
    return sample.value < sample.threshold * (1 + share)


def _findings(rules: _Rules, look: Look, items: Sequence[Alert]) -> Iterator[Reading]:
    """One for each finding; one for each of their rules, or for all, when there are many."""
    covered = {sample.finding for sample in look.samples if rules.is_on(RuleName(sample.rule))}
    found = [f for f in look.findings if rules.alerts(f) and f.id not in covered]
    known = {(finding.id, short_target(finding.object)): finding for finding in found}
    were_many = any(
        item.target == EVERYTHING and item.state is not AlertState.RESOLVED for item in items
    )
    if len(known) <= (_SINGLE_AGAIN if were_many else SINGLE_FINDINGS):
        for name, finding in known.items():
            yield _finding(rules, name, finding.severity, finding.evidence, _text(finding))
        return
    by_rule: dict[str, list[Finding]] = {}
    for finding in known.values():
        by_rule.setdefault(finding.id, []).append(finding)
    groups = by_rule if len(by_rule) <= SINGLE_FINDINGS else {RuleName.FINDINGS: found}
    for rule, some in groups.items():
        worst = min((finding.severity for finding in some), key=lambda severity: severity.rank)
        text = f"{len(some)} findings: see status.findings"
        yield _finding(rules, (str(rule), EVERYTHING), worst, text, f"{rule}: {text}")


def _finding(rules: _Rules, name: Name, severity: Severity, value: str, text: str) -> Reading:
    return Reading(
        rule=name[0],
        target=name[1],
        severity=rules.severity(RuleName.FINDINGS, severity),
        breached=True,
        holds=True,
        value=value,
        summary=text,
        settings=rules.settings(RuleName.FINDINGS),
    )


def _text(finding: Finding) -> str:
    return f"{finding.message}: {finding.remedy}"


def _states(rules: _Rules, look: Look) -> Iterator[Reading]:
    texts = {RuleName.STALLED: look.stalled, RuleName.UNREACHABLE: look.unreachable}
    if look.observed:
        texts[RuleName.DRIFT] = "; ".join(look.drifted)
    for rule, text in texts.items():
        if rules.is_on(rule):
            yield Reading(
                rule=rule,
                target="",
                severity=rules.severity(rule, Severity.WARNING),
                breached=bool(text),
                holds=bool(text),
                value=_VALUES[rule] if text else "mended",
                summary=text,
                settings=rules.settings(rule),
            )


_VALUES = {
    RuleName.STALLED: "only a person can help",
    RuleName.UNREACHABLE: "cannot be observed",
    RuleName.DRIFT: "differs from the spec",
}


def _absent(rules: _Rules, look: Look, item: Alert) -> Reading | None:
    """What is said of an alert whose rule says nothing at this look; None: it stays as it is."""
    rule = rule_of(item.rule)
    is_finding = rule is RuleName.FINDINGS
    if rules.is_on(rule) and not (look.observed and (look.complete or not is_finding)):
        return None
    return Reading(
        rule=item.rule,
        target=item.target,
        severity=item.severity,
        breached=False,
        holds=False,
        value=item.value,
        threshold=item.threshold,
        settings=rules.settings(rule),
        gone=not is_finding or not rules.is_on(rule),
    )
