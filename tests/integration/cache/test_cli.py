"""`setpoint analyze redis URL` against real servers."""

import asyncio
import json

import pytest

from setpoint.cli import main
from stack.redis import RedisServer


async def test_it_prints_what_it_found(
    server: RedisServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.client() as client:
        client.mset({f"product:{n}": "x" for n in range(60)})
        client.lpush("queue:default", 1)
    assert await _run(server, monkeypatch, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["hitRate"], found["lookups"]) == ("NoTraffic", None, 0)
    assert found["protected"] == ["queue (Sidekiq)"]
    assert found["withoutTTL"][0]["prefix"] == "product:*"
    assert [finding["id"] for finding in found["findings"]] == ["MaxmemoryUnset"]
    assert await _run(server, monkeypatch, "--fail-on", "warning") == 1
    out = capsys.readouterr().out
    assert "WARNING MaxmemoryUnset" in out
    assert server.password not in out


async def test_trouble_has_its_own_status(
    server: RedisServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _run(server, monkeypatch, "--ca", "/nonexistent") == 2
    monkeypatch.setenv("REDISCLI_AUTH", "wrong")
    assert await _run(server, None) == 3
    assert "AuthenticationFailed" in capsys.readouterr().err


async def _run(server: RedisServer, monkeypatch: pytest.MonkeyPatch | None, *options: str) -> int:
    if monkeypatch is not None:
        monkeypatch.setenv("REDISCLI_AUTH", server.password)
    url = f"redis://127.0.0.1:{server.port}"
    arguments = ["analyze", "redis", url, "--seconds", "0.1", *options]
    return await asyncio.to_thread(main, arguments)
