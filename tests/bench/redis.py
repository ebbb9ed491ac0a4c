"""Ways to give a million keys a TTL, side by side: python tests/bench/redis.py

Starts servers of its own (7.0 and 8.2), fills each anew before every way, and has another client
send a GET every millisecond meanwhile, whose wait counts from when it was due. Prints a Markdown
table. About four minutes on two cores; run it while nothing else does.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT / "hack")  # instead of this folder, whose redis.py would be found

import redis  # noqa: E402

from setpoint.api.cachetuning import DefaultTTL, SweepPhase  # noqa: E402
from setpoint.cache import observe, passes, sweep, sweep_nodes  # noqa: E402
from setpoint.cache.connect import connect  # noqa: E402
from setpoint.cache.kin import Kin  # noqa: E402
from setpoint.cache.sweep_preview import Preview  # noqa: E402
from setpoint.cache.sweep_wire import pack, pack_expire, wire  # noqa: E402
from setpoint.cache.target import from_secret  # noqa: E402
from setpoint.config import Config  # noqa: E402
from setpoint.trust.network import Network  # noqa: E402
from stack.certs import Authority  # noqa: E402
from stack.redis import RedisServer, versions  # noqa: E402

NETWORK = Network(lambda: Config.model_validate({"networks": {"allow": ["127.0.0.0/8"]}}))
TTL = 3600
ONE_BY_ONE = 30_000
"""Keys of the way that would take minutes; its rate is theirs."""

FILL = """
local value = string.rep('x', 100)
for n = ARGV[1], ARGV[2] - 1 do redis.call('SET', string.format('key:%012d', n), value) end
"""
_PIECE = 50_000
GET_EVERY = 0.001
IDLE_SECONDS = 8.0


@dataclass(frozen=True)
class Felt:
    """Milliseconds that another client waited for a GET."""

    p50: float
    p99: float
    worst: float
    number: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--server", action="append", choices=list(TITLES), help="only this one")
    parser.add_argument(
        "--memory",
        type=int,
        nargs="+",
        metavar="KEYS",
        help="only setpoint's own memory, for each of these numbers of keys",
    )
    parser.add_argument(
        "--race", action="store_true", help="only: a million PERSIST and SETEX during sweeps"
    )
    parser.add_argument("--way", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    parser.add_argument("--probe", metavar="URL", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.way:
        print(json.dumps(WAYS[parsed.way[0]](parsed.way[1])))
    elif parsed.probe:
        probe(parsed.probe)
    elif parsed.memory:
        for_each_server(
            parsed.server or ["8.2"], lambda server, version: memory(server, version, parsed.memory)
        )
    elif parsed.race:
        for_each_server(parsed.server or list(TITLES), race)
    else:
        compare(parsed.keys, parsed.server or list(TITLES))


def compare(keys: int, servers: Sequence[str]) -> None:
    """All ways, one after the other."""
    for_each_server(servers, lambda server, version: table(server, version, keys))


def for_each_server(versions_: Sequence[str], run: Callable[[RedisServer, str], None]) -> None:
    """A server of each version, for as long as `run` takes."""
    with tempfile.TemporaryDirectory(prefix="setpoint-bench-") as name:
        run_dir = Path(name)
        (run_dir / "logs").mkdir()
        authority = Authority(run_dir / "pki")
        for version in versions_:
            program = versions()[version]
            with RedisServer(
                run_dir, authority, name=f"redis-{version}", program=program
            ) as server:
                run(server, version)


def memory(server: RedisServer, version: str, numbers: Sequence[int]) -> None:
    """What setpoint itself takes for a pass: look, then sweep."""
    for keys in numbers:
        fill(server, keys)
        found = json.loads(run("--way", "whole", url(server)))
        print(f"Redis {version}: {found['keys']:,} keys swept in {found['seconds']:.0f} s, "
              f"setpoint's memory {found['megabytes']:.0f} MB at most", flush=True)  # fmt: skip


def race(server: RedisServer, version: str, writes: int = 1_000_000, keys: int = 100_000) -> None:
    """An application that takes TTLs away and sets its own, while passes follow each other."""
    fill(server, keys)
    own, ended = 500_000, threading.Event()

    def application() -> None:
        with server.client() as client:
            for start in range(0, writes, 200):
                pipe = client.pipeline(transaction=False)
                names = [f"key:{n % keys:012d}" for n in range(start, start + 200)]
                for name in names:
                    pipe.persist(name)
                for name in names:
                    pipe.execute_command("SETEX", name, own, "x")
                pipe.execute()
        ended.set()

    writer, passes_, changed = threading.Thread(target=application), 0, 0
    writer.start()
    while not ended.is_set():
        changed += int(json.loads(run("--way", "fast", url(server)))["keys"])
        passes_ += 1
    writer.join()
    with server.client() as client:
        ttls: list[int] = []
        for start in range(0, keys, 1000):
            pipe = client.pipeline(transaction=False)
            for n in range(start, start + 1000):
                pipe.ttl(f"key:{n:012d}")
            ttls += pipe.execute()
    overwritten = sum(ttl < own - 36_000 for ttl in ttls)
    print(f"Redis {version}: {writes:,} PERSIST and {writes:,} SETEX on {keys:,} keys during "
          f"{passes_} passes, which gave {changed:,} TTLs; TTLs of the application that were "
          f"overwritten: {overwritten}", flush=True)  # fmt: skip


def table(server: RedisServer, version: str, keys: int) -> None:
    """The rows of one server, which has a processor to itself, as on a machine of its own."""
    own, *rest = sorted(os.sched_getaffinity(0))
    with server.client() as client:
        os.sched_setaffinity(client.info("server")["process_id"], {own})
    with awake():
        os.sched_setaffinity(0, rest or {own})
        try:
            rows_of(server, version, keys)
        finally:
            os.sched_setaffinity(0, {own, *rest})


def rows_of(server: RedisServer, version: str, keys: int) -> None:
    """Measures and prints."""
    load = os.getloadavg()[0]
    print(f"\nRedis {version}, {keys:,} keys, {os.cpu_count()} cores, Python "
          f"{platform.python_version()}, load average {load:.1f} before\n")  # fmt: skip
    limits = {clients: benchmark(server, clients, keys) for clients in (1, 50)}
    idle = [at_rest(server, keys)]
    rows = []
    for title, way in TITLES[version]:
        rows.append((title, *measured(server, way, keys)))
        idle.append(at_rest(server, 0))
    calm = median(felt.p99 for felt in idle)
    print(
        "| way | keys/s | of the limit | p99 of GETs | times idle | longest | hits a key | setpoint |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print(f"| idle ({len(idle)} runs) | | | {calm:.2f} ms | 1 | "
          f"{max(felt.worst for felt in idle):.1f} ms | | |")  # fmt: skip
    for title, found, felt, hits in rows:
        rate = found["keys"] / found["seconds"]
        print(f"| {title} | {rate:,.0f} | {100 * rate / limits[50][0]:.1f}% | {felt.p99:.2f} ms | "
              f"{felt.p99 / calm:.1f} | {felt.worst:.1f} ms | {hits / found['keys']:.2f} | "
              f"{found['megabytes']:.0f} MB |")  # fmt: skip
    for clients, (rate, felt) in limits.items():
        print(f"| limit: redis-benchmark EXPIRE -P 100 -c {clients} | {rate:,.0f} | "
              f"{100 * rate / limits[50][0]:.1f}% | {felt.p99:.2f} ms | {felt.p99 / calm:.1f} | "
              f"{felt.worst:.1f} ms | | |")  # fmt: skip


@contextlib.contextmanager
def awake() -> Iterator[None]:
    """Keep the processors from halting: waking one takes longer in a virtual machine than a GET,
    and an idle server would seem slower than a busy one. Anything else goes before this."""
    code = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{n}}})\n{code}"]
        )
        for n in os.sched_getaffinity(0)
    ]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def fill(server: RedisServer, keys: int) -> None:
    with server.client() as client:
        client.flushall()
        for start in range(0, keys, _PIECE):  # named as redis-benchmark names them
            client.eval(FILL, 0, start, min(keys, start + _PIECE))
        client.set("probe", "x")


def at_rest(server: RedisServer, keys: int) -> Felt:
    if keys:
        fill(server, keys)
    with felt_by_others(server) as felt:
        time.sleep(IDLE_SECONDS)
    return felt()


def measured(server: RedisServer, way: str, keys: int) -> tuple[dict[str, float], Felt, int]:
    fill(server, keys)
    with server.client() as client:
        before = int(client.info("stats")["keyspace_hits"])
        with felt_by_others(server) as felt:
            found = json.loads(run("--way", way, url(server)))
        others = felt()
        after = int(client.info("stats")["keyspace_hits"])
    return found, others, after - before - others.number


def benchmark(server: RedisServer, clients: int, keys: int) -> tuple[float, Felt]:
    """Requests a second of redis-benchmark; what others feel meanwhile."""
    fill(server, keys)
    program = shutil.which("redis-benchmark")
    if program is None:
        raise SystemExit("no redis-benchmark: install Debian's redis-tools")
    command = [program, "-p", str(server.port), "-a", server.password, "-P", "100", "-c",
               str(clients), "-n", str(4 * keys), "-r", str(keys), "--csv",
               "EXPIRE", "key:__rand_int__", str(TTL)]  # fmt: skip
    with felt_by_others(server) as felt:
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r'^"EXPIRE[^"]*","([0-9.]+)"', text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"redis-benchmark said something else:\n{text}")
    return float(match[1]), felt()


@contextlib.contextmanager
def felt_by_others(server: RedisServer) -> Iterator[Callable[[], Felt]]:
    """Have another process send GETs meanwhile; what it felt can be asked afterwards."""
    command = [sys.executable, __file__, "--probe", url(server)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    child.stdout.readline()
    found: list[Felt] = []
    try:
        yield lambda: found[0]
    finally:
        text, _ = child.communicate("\n")
    found.append(Felt(**json.loads(text)))


def probe(address: str) -> None:
    """A GET every millisecond until a line comes; waits count from when a GET was due."""
    with contextlib.suppress(PermissionError):  # to measure the server, not our own scheduling
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    host, port, password = parts(address)
    line = socket.create_connection((host, port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(pack("AUTH", password))
    line.recv(100)
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    question, waits = pack("GET", "probe"), []
    print("ready", flush=True)
    due = time.perf_counter()
    while not stop.is_set():
        due += GET_EVERY
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        line.sendall(question)
        line.recv(100)
        waits.append(time.perf_counter() - due)
    ordered = sorted(1000 * wait for wait in waits)
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    print(json.dumps(asdict(Felt(p50, p99, ordered[-1], len(ordered)))))


def one_by_one(address: str) -> dict[str, float]:
    """KEYS, then TTL and EXPIRE for each."""
    client = redis.Redis.from_url(address)
    names = client.keys("*")[:ONE_BY_ONE]
    started = time.monotonic()
    for name in names:
        if client.ttl(name) == -1:
            client.expire(name, TTL)
    return result(len(names), started)


def pipelined(
    address: str, *, batch: int, asks: bool, rate: float | None = None
) -> dict[str, float]:
    """redis-py: SCAN, then a pipeline."""
    client = redis.Redis.from_url(address)
    started, cursor, number = time.monotonic(), 0, 0
    while True:
        cursor, names = client.scan(cursor, count=batch)
        pipe = client.pipeline(transaction=False)
        if asks:
            for name in names:
                pipe.ttl(name)
            names = [n for n, ttl in zip(names, pipe.execute(), strict=True) if ttl == -1]
        for name in names:
            pipe.expire(name, TTL, nx=not asks)
        pipe.execute()
        number += len(names)
        if rate:
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
        if not cursor:
            return result(number, started)


def raw(address: str, batch: int) -> dict[str, float]:
    """Packed by hand, the next SCAN in the same write; nothing is checked."""

    async def run() -> dict[str, float]:
        target = from_secret("r", {"url": address})
        async with connect(target, NETWORK) as client, wire(client) as line:
            started, cursor, number = time.monotonic(), 0, 0
            pending: list[bytes] = []
            while True:
                *_, page = await line.ask([*pending, pack("SCAN", cursor, "COUNT", batch)])
                cursor, names = int(page[0]), page[1]
                pending = [pack_expire(name, TTL) for name in names]
                number += len(names)
                if not cursor:
                    await line.ask(pending)
                    return result(number, started)

    return asyncio.run(run())


def setpoint(address: str, *, fast: bool) -> dict[str, float]:
    """What the operator does, slice after slice."""

    async def run() -> dict[str, float]:
        default = DefaultTTL.model_validate({"ttl": "1h", "include": ["*"]})
        status, started = None, time.monotonic()
        while status is None or status.phase is not SweepPhase.DONE:
            async with connect(from_secret("r", {"url": address}), NETWORK) as client:
                info, now = await observe.read_info(client), datetime.now(UTC)
                run_id = info.text("run_id")
                status = passes.begin(default, status, [run_id], now)
                status, _ = await sweep.run_slice(
                    client, default, status, info, now, Kin(), run_id=run_id, fast=fast
                )
        return result(status.changed, started)

    return asyncio.run(run())


def whole(address: str) -> dict[str, float]:
    """What `setpoint sweep` does: a look through all keys, then the pass."""

    async def run() -> dict[str, float]:
        default = DefaultTTL.model_validate({"ttl": "1h", "include": ["*"]})
        target, started = from_secret("r", {"url": address}), time.monotonic()
        preview = Preview(passes.digest(default), 0, datetime.now(UTC))
        while not preview.is_complete:
            await sweep_nodes.look_on(target, NETWORK, default, preview)
        status = None
        while status is None or status.phase is not SweepPhase.DONE:
            status, _ = await sweep_nodes.go_on(
                target, NETWORK, default, status, datetime.now(UTC), preview.kin, fast=True
            )
        return result(status.changed, started)

    return asyncio.run(run())


WAYS: dict[str, Callable[[str], dict[str, float]]] = {
    "one": one_by_one,
    "asks": lambda address: pipelined(address, batch=1000, asks=True),
    "nx": lambda address: pipelined(address, batch=1000, asks=False),
    "paced": lambda address: pipelined(address, batch=50, asks=False, rate=50_000),
    "raw20": lambda address: raw(address, 20),
    "raw1000": lambda address: raw(address, 1000),
    "whole": whole,
    "default": lambda address: setpoint(address, fast=False),
    "fast": lambda address: setpoint(address, fast=True),
}
OURS = [("**setpoint**", "default"), ("**setpoint --fast**", "fast")]
OTHERS = [
    (f"KEYS, TTL, EXPIRE one by one ({ONE_BY_ONE:,} keys)", "one"),
    ("redis-py, SCAN 1000, pipelined TTL and EXPIRE", "asks"),
    ("redis-py, SCAN 1000, pipelined EXPIRE NX", "nx"),
    ("redis-py, batch 50, paced at 50,000", "paced"),
    ("packed by hand, batch 20, unchecked", "raw20"),
    ("packed by hand, batch 1000, unchecked", "raw1000"),
]
TITLES = {"7.0": OTHERS + OURS, "8.2": OURS}


def result(keys: int, started: float) -> dict[str, float]:
    return {
        "keys": keys,
        "seconds": time.monotonic() - started,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def url(server: RedisServer) -> str:
    return server.url(tls=False, host=server.host)


def parts(address: str) -> tuple[str, int, str]:
    found = urlsplit(address)
    return found.hostname or "", found.port or 0, found.password or ""


if __name__ == "__main__":
    main()
