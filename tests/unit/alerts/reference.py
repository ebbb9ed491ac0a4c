"""The rules of alerts written down a second time: slow, from the whole history, on a grid of time.

It shares no code with setpoint.alerts. Times are seconds from the beginning; what an alert is now
is found by going through all that was ever seen of it; every point of the grid is visited, and
every tick of every group is taken, whether anything happened or not. Groups are Alertmanager's: an
aggregation group that is flushed at its ticks, and a notification log by which `needsUpdate`
(dedup_stage.go) decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GRID = 5
SEVERITIES = ("Critical", "Warning")
RESTART = "restart"


@dataclass(frozen=True)
class Setting:
    """Of a rule."""

    for_: int
    keep: int
    breaches: int
    of: int


@dataclass(frozen=True)
class Seen:
    """A reading: when, whether it may begin, whether it goes on (None: no data), how bad."""

    at: int
    breached: bool | None
    holds: bool | None
    severity: str


@dataclass(frozen=True)
class Word:
    """What is told of a group."""

    at: int
    severity: str
    incident: int
    status: str
    firing: tuple[str, ...]
    over: tuple[str, ...]
    repeated: bool


@dataclass(frozen=True)
class Life:
    """What an alert is: inactive, pending or firing; when its last round ended."""

    state: str = "inactive"
    severity: str = ""
    ended: int | None = None


def life(history: Sequence[Seen | str], setting: Setting) -> Life:
    """An alert's state after all that was seen of it."""
    state, severity, since, good, ended = "inactive", "", 0, None, None
    window: list[bool] = []
    for seen in history:
        if isinstance(seen, str):  # a restart forgets the window, but for that of a pending alert
            window = [True] if state == "pending" else []
            continue
        if seen.breached is None:
            continue
        if state == "firing":
            if seen.holds:
                good = None
                severity = seen.severity if seen.breached else severity
                continue
            good = seen.at if good is None else good
            if seen.at - good >= setting.keep:
                state, good, ended, window = "inactive", None, seen.at, []
            continue
        window = [*window, seen.breached][-setting.of :]
        if not any(window):
            state = "inactive"
            continue
        if state == "inactive":
            state, since = "pending", seen.at
        enough = window.count(True) >= setting.breaches and seen.at - since >= setting.for_
        if seen.breached and enough:
            state, severity, ended = "firing", seen.severity, None
    return Life(state, severity, ended)


@dataclass
class Group:
    """An aggregation group with its entry of the notification log."""

    since: int
    incident: int
    log: set[str] | None = None
    logged_at: int = 0


@dataclass
class Reference:
    """All alerts of one resource."""

    settings: Mapping[str, Setting]
    wait: int
    interval: int
    repeat: int
    digest_after: int
    digest_window: int
    silences: Sequence[tuple[int, int, str]] = ()
    histories: dict[str, list[Seen | str]] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    groups: dict[str, Group | None] = field(default_factory=dict)
    passed: dict[str, set[str]] = field(default_factory=lambda: {s: set() for s in SEVERITIES})
    storms: dict[str, tuple[int, int]] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    incidents: int = 0
    _suppressed_before: dict[str, bool] = field(default_factory=dict)

    def restart(self) -> None:
        """The process is another one now."""
        for history in self.histories.values():
            history.append(RESTART)

    def look(self, readings: Mapping[str, Seen]) -> None:
        """Take in what a look has seen."""
        for name, seen in readings.items():
            self.histories.setdefault(name, []).append(seen)
            before = self.lives.get(name, Life())
            after = self.lives[name] = life(self.histories[name], self.settings[name])
            is_over = before.state == "firing" and after.state != "firing"
            if is_over and not self._told(name) and not self._suppressed_before.get(name):
                self.passed[before.severity].add(name)
            if after.state != "inactive":
                for names in self.passed.values():
                    names.discard(name)

    def time(self, now: int) -> None:
        """One point of the grid: every group that has a tick now is flushed."""
        self._suppressed_before = {name: self._suppressed(name, now) for name in self.lives}
        for severity in SEVERITIES:
            self._group(severity, now)

    def _group(self, severity: str, now: int) -> None:
        group = self.groups.get(severity)
        log = (group.log if group else None) or set()
        here = {n for n, a in self.lives.items() if (a.state, a.severity) == ("firing", severity)}
        firing = {n for n in here if n in log or not self._suppressed_before[n]}
        gone, passed = log - here, self.passed[severity]
        if not (firing or gone or passed):
            self.groups[severity] = None
            return
        if group is None:
            self.incidents += 1
            group = self.groups[severity] = Group(now, self.incidents)
        if self._needs_update(group, firing, gone | passed):
            if self._ticks(group, now):
                self._notify(group, severity, now, firing, gone, passed)
            return
        if self._ticks(group, now):
            passed.clear()
            if not firing:
                self.groups[severity] = None
        self._repeat(group, severity, now, firing)

    def _repeat(self, group: Group, severity: str, now: int, firing: set[str]) -> None:
        """At the first tick at which repeat has passed; if all is silenced then, when it no longer
        is."""
        is_loud = any(not self._suppressed_before[name] for name in firing)
        ticks = [at for at in range(group.since, now + 1) if self._ticks(group, at)]
        if group.log and is_loud and any(at - group.logged_at >= self.repeat for at in ticks):
            group.logged_at = max(ticks)
            self._say(group, severity, now, "Firing", firing, set(), repeated=True)

    def _ticks(self, group: Group, at: int) -> bool:
        first = group.since + self.wait
        return at >= first and (at - first) % self.interval == 0

    @staticmethod
    def _needs_update(group: Group, firing: set[str], resolved: set[str]) -> bool:
        if group.log is None:
            return bool(firing)
        if not firing <= group.log:
            return True
        if not firing:
            return bool(group.log)
        return bool(resolved)

    def _notify(
        self,
        group: Group,
        severity: str,
        now: int,
        firing: set[str],
        gone: set[str],
        passed: set[str],
    ) -> None:
        news = firing - (group.log or set())
        begun, count = self.storms.get(severity, (now, 0))
        if news and count > self.digest_after and now < begun + self.digest_window:
            return  # held until the window is over
        if news:
            if now - begun >= self.digest_window:
                begun, count = now, 0
            count += len(news)
            self.storms[severity] = (begun, count)
        lower = SEVERITIES[SEVERITIES.index(severity) + 1 :]
        told_lower = {n for s in lower if (g := self.groups.get(s)) for n in g.log or ()}
        if not firing:
            status = "Resolved"
        elif news & told_lower:
            status = "Escalated"
        else:
            status = "Digest" if news and count > self.digest_after else "Firing"
        self._say(group, severity, now, status, firing, gone | passed, repeated=False)
        group.log, group.logged_at = set(firing), now
        self.passed[severity] = set()
        if not firing:
            self.groups[severity] = None

    def _say(
        self,
        group: Group,
        severity: str,
        now: int,
        status: str,
        firing: set[str],
        over: set[str],
        *,
        repeated: bool,
    ) -> None:
        self.words.append(
            Word(
                now,
                severity,
                group.incident,
                status,
                tuple(sorted(firing)),
                tuple(sorted(over)),
                repeated,
            )
        )

    def _told(self, name: str) -> bool:
        return any(name in (group.log or ()) for group in self.groups.values() if group)

    def _suppressed(self, name: str, now: int) -> bool:
        if any(begin <= now < end and rule == name for begin, end, rule in self.silences):
            return True
        unreachable = self.lives.get("unreachable", Life()).state == "firing"
        return unreachable and name != "unreachable"
