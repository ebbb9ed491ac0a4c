"""Connections, slow commands, replication and persistence. Pure."""

from collections.abc import Iterable

from setpoint.api.findings import Severity
from setpoint.cache.info import Info, whole
from setpoint.cache.window import Window
from setpoint.engine.model import Finding

CLIENTS_NEAR = 0.8
LAG_SECONDS = 10
_SLOW_MICROSECONDS = 10_000
_LATENCY_MILLISECONDS = 100


def rejected_connections(window: Window) -> Iterable[Finding]:
    """Clients were turned away because there were maxclients already."""
    for node in window.nodes:
        rejected = node.change("rejected_connections")
        if rejected > 0:
            yield Finding(
                id="RejectedConnections",
                object=node.name,
                severity=Severity.CRITICAL,
                message="Redis turns clients away",
                evidence=f"{rejected} connections rejected in {node.seconds:.0f} s, "
                f"{node.info.number('connected_clients')} connected",
                remedy="raise maxclients (and the limit of open files), or find who opens "
                "connections without a pool: CLIENT LIST",
                magnitude=float(rejected),
            )


def clients_near_limit(window: Window) -> Iterable[Finding]:
    """Connections come near maxclients."""
    for node in window.nodes:
        configured = window.config.get("maxclients", "")
        most = node.info.number("maxclients") or (int(configured) if configured.isdecimal() else 0)
        clients = node.info.number("connected_clients")
        if most > 0 and clients >= CLIENTS_NEAR * most:
            yield Finding(
                id="ClientsNearLimit",
                object=node.name,
                severity=Severity.WARNING,
                message="clients come near the limit, above which they are turned away",
                evidence=f"{clients} clients of {most}",
                remedy="raise maxclients (and the limit of open files), or set timeout for idle "
                "clients",
                magnitude=float(clients),
            )


def slow_commands(window: Window) -> Iterable[Finding]:
    """Commands that held everybody up, by name; arguments are never shown."""
    for node in window.nodes:
        slow = [entry for entry in node.slow if entry.microseconds >= _SLOW_MICROSECONDS]
        if not slow:
            continue
        worst = max(slow, key=lambda entry: entry.microseconds)
        names = sorted({entry.name for entry in slow})
        yield Finding(
            id="SlowCommands",
            object=node.name,
            severity=Severity.WARNING,
            message="commands take so long that other clients wait",
            evidence=f"{len(slow)} in the slow log since the last looks: {', '.join(names[:5])}; "
            f"the slowest took {worst.microseconds / 1000:.0f} ms ({worst.name})",
            remedy="use SCAN for KEYS, HSCAN and SSCAN for whole hashes and sets, UNLINK for DEL "
            "of big keys, and split big keys",
            magnitude=float(worst.microseconds),
        )


def latency_events(window: Window) -> Iterable[Finding]:
    """What LATENCY LATEST has noted within the window."""
    for node in window.nodes:
        noted = [e for e in node.latency if e.milliseconds >= _LATENCY_MILLISECONDS]
        for event in sorted(noted, key=lambda e: e.event):
            yield Finding(
                id="LatencyEvents",
                object=f"{node.name} {event.event}",
                severity=Severity.WARNING,
                message=f"Redis itself stood still: {event.event}",
                evidence=f"{event.milliseconds} ms",
                remedy=_LATENCY_REMEDIES.get(
                    event.event.partition("-")[0], "see LATENCY DOCTOR on the server"
                ),
                magnitude=float(event.milliseconds),
            )


_LATENCY_REMEDIES = {
    "fork": "saving forks: less memory a server, no transparent huge pages, or save on a replica",
    "aof": "the disk is too slow for the append-only file: a faster disk, or appendfsync everysec",
    "rdb": "the disk is too slow for snapshots: a faster disk, or snapshots on a replica",
    "expire": "many keys expire at once: spread their TTLs",
    "eviction": "many keys are evicted at once: raise maxmemory in smaller steps, avoid big keys",
    "command": "see the slow log for what it was",
}


def replication_lag(window: Window) -> Iterable[Finding]:
    """Replicas that are behind, or have no link."""
    for node in window.nodes:
        signs = [*_of_replica(node.info), *_of_primary(node.info)]
        if signs:
            yield Finding(
                id="ReplicationLag",
                object=node.name,
                severity=Severity.CRITICAL if node.info.is_replica else Severity.WARNING,
                message="a replica does not keep up: it serves old data, and a failover loses "
                "writes",
                evidence="; ".join(signs),
                remedy="check network and CPU of the replica, and raise repl-backlog-size and the "
                "replica output buffer if it falls back to full copies",
            )


def persistence_failing(window: Window) -> Iterable[Finding]:
    """The last snapshot or append-only file could not be written.

    What is said of an append-only file that is turned off is from long ago.
    """
    fields = {
        "rdb_last_bgsave_status": "the last snapshot (RDB)",
        "aof_last_bgrewrite_status": "the last rewrite of the append-only file",
        "aof_last_write_status": "the last write to the append-only file",
    }
    for node in window.nodes:
        failed = [
            what
            for name, what in fields.items()
            if node.info.text(name) == "err"
            and not (name.startswith("aof_") and node.info.text("aof_enabled") == "0")
        ]
        if failed:
            yield Finding(
                id="PersistenceFailing",
                object=node.name,
                severity=Severity.CRITICAL,
                message="Redis cannot save its data; with its defaults it then refuses writes",
                evidence=f"failed: {', '.join(failed)}",
                remedy="see the server's log: a full disk, missing rights on dir, or too little "
                "memory to fork (vm.overcommit_memory)",
            )


def _of_primary(info: Info) -> Iterable[str]:
    """Of the replicas that it has: a replica may have some, too."""
    offset = info.number("master_repl_offset")
    backlog = info.number("repl_backlog_size")
    for number, entry in info.entries("slave"):
        if not number.isdecimal() or "state" not in entry:
            continue
        lag = entry.get("lag", "0")
        behind = offset - whole(entry["offset"]) if entry.get("offset", "").isdecimal() else 0
        where = f"{entry.get('ip', '?')}:{entry.get('port', '?')}"
        if entry["state"] == "online" and lag.isdecimal() and int(lag) >= LAG_SECONDS:
            yield f"replica {where} has not answered for {lag} s"
        elif entry["state"] == "online" and 0 < backlog < behind:
            yield f"replica {where} is {behind} bytes behind, more than the backlog holds"


def _of_replica(info: Info) -> Iterable[str]:
    """Of its link to its primary, if it has one: KeyDB's active replicas are primaries, too."""
    if info.text("master_link_status") == "down":
        seconds = info.number("master_link_down_since_seconds")
        if info.number("master_sync_in_progress"):
            yield "it copies everything from its primary"
        else:
            yield f"no link to its primary for {max(seconds, 0)} s"
    elif info.number("master_last_io_seconds_ago") >= LAG_SECONDS:
        yield f"nothing from its primary for {info.number('master_last_io_seconds_ago')} s"
