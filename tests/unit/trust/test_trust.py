"""Hosts, grants and the configuration."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.config import Config, ConfigError, load
from setpoint.engine.failure import Failure
from setpoint.trust.grants import Grants
from setpoint.trust.network import Network
from setpoint.trust.secrets import value

API_SERVER = (ipaddress.ip_address("10.0.0.1"), 443)


def network(**networks: Any) -> Network:
    config = Config.model_validate({"networks": networks})
    return Network(lambda: config, [API_SERVER])


async def reason(host: str, port: int = 5432, **networks: Any) -> Reason | None:
    try:
        await network(**networks).pin(host, port)
    except Failure as failure:
        return failure.reason
    return None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.8.9.1", "localhost", "0.0.0.0", "2130706433", "0x7f000001", "017700000001",
        "127.1", "::1", "::", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "169.254.169.254",
        "169.254.170.2", "fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192",
        "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "2002:7f00:1::",
    ],
)  # fmt: skip
async def test_refused_by_default(host: str) -> None:
    assert await reason(host) is Reason.HOST_REFUSED


@pytest.mark.parametrize("host", ["10.1.2.3", "192.168.1.1", "8.8.8.8", "2001:db9::1"])
async def test_reached_by_default(host: str) -> None:
    assert await reason(host) is None


async def test_allow_deny_and_the_api_server() -> None:
    assert await reason("127.0.0.1", allow=["127.0.0.0/8"]) is None
    assert await reason("10.1.2.3", deny=["10.0.0.0/8"]) is Reason.HOST_REFUSED
    both: dict[str, Any] = {"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"]}
    assert await reason("10.1.2.3", **both) is Reason.HOST_REFUSED
    assert await reason("10.2.2.3", **both) is None
    assert await reason("10.0.0.1", 443, allow=["10.0.0.0/8"]) is Reason.HOST_REFUSED
    assert await reason("10.0.0.1", 5432) is None


async def test_what_is_pinned_is_an_address() -> None:
    assert await network(allow=["127.0.0.0/8", "::1/128"]).pin("localhost", 1) in (
        "127.0.0.1",
        "::1",
    )
    assert await reason("does-not-exist.invalid") is Reason.CONNECTION_FAILED
    assert await reason("x" * 300) is Reason.CONNECTION_FAILED


ROLE = "arn:aws:iam::123456789012:role/shop"
GRANTS = {
    "grants": [
        {
            "namespaces": ["shop", "team-*"],
            "role": ROLE,
            "regions": ["eu-central-1"],
            "resources": ["service/prod/*", "db:orders"],
        },
        {"namespaces": ["ops"], "regions": ["eu-central-1"], "resources": ["*"]},
    ],
    "slack": {"channels": [{"namespaces": ["shop"], "channels": ["C1", "C2"]}]},
}


@pytest.mark.parametrize(
    ("namespace", "role", "region", "resource", "granted"),
    [
        ("shop", ROLE, "eu-central-1", "service/prod/web", True),
        ("team-7", ROLE, "eu-central-1", "db:orders", True),
        ("shop", ROLE, "eu-central-1", "service/test/web", False),
        ("shop", ROLE, "us-east-1", "service/prod/web", False),
        ("shop", ROLE, "eu-central-1", "db:orders2", False),
        ("shopping", ROLE, "eu-central-1", "db:orders", False),
        ("shop", None, "eu-central-1", "db:orders", False),
        ("shop", ROLE + "2", "eu-central-1", "db:orders", False),
        ("ops", None, "eu-central-1", "anything", True),
        ("ops", ROLE, "eu-central-1", "db:orders", False),
    ],
)
def test_grants(
    namespace: str, role: str | None, region: str, resource: str, granted: bool
) -> None:
    config = Config.model_validate(GRANTS)
    grants = Grants(lambda: config)
    if granted:
        assert grants.aws(namespace, role, region, resource).role == role
        return
    with pytest.raises(Failure) as caught:
        grants.aws(namespace, role, region, resource)
    assert caught.value.reason is Reason.NOT_GRANTED


def test_channels() -> None:
    config = Config.model_validate(GRANTS)
    grants = Grants(lambda: config)
    assert grants.channel("shop", None) == "C1"
    assert grants.channel("shop", "C2") == "C2"
    assert grants.channel("other", None) is None
    with pytest.raises(Failure):
        grants.channel("shop", "C3")


def test_a_configuration_says_where_it_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("limits: {concurrency: many, backoffBase: soon}\ngrants: [{namespaces: []}]\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    text = str(caught.value)
    assert "limits.concurrency" in text
    assert "limits.backoffBase" in text
    assert "grants.0.namespaces" in text
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.yaml")
    file.write_text("a: [\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        load(file)
    file.write_text("")
    assert load(file) == Config()


def test_a_secrets_value_is_stripped_and_must_be_there() -> None:
    assert value({"token": " x \n"}, "slack", "token") == "x"
    with pytest.raises(Failure, match="Secret slack has no key token"):
        value({"token": " "}, "slack", "token")
