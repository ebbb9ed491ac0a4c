"""`kubectl setpoint` on a real cluster, with the operator at work."""

import json
from collections.abc import Callable

import pytest
import yaml

from setpoint.cli import main
from tests.e2e.conftest import Space

Plugin = Callable[..., str]


@pytest.fixture
def plugin(
    space: Space, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plugin:
    """Runs a command in the space's namespace, as a user would; gives what it prints."""
    monkeypatch.setenv("PATH", str(space.cluster.kubectl_path.parent), prepend=":")
    monkeypatch.setenv("KUBECONFIG", str(space.cluster.admin_kubeconfig))

    def run(*words: str, status: int = 0) -> str:
        assert main([*words, "-n", space.name]) == status
        out, err = capsys.readouterr()
        return out if status == 0 else err

    return run


def test_from_the_first_look_to_the_approval(space: Space, plugin: Plugin) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling(mode="Plan"))
    space.wait_ready("scalingpolicy", "web", reason="ChangePending")

    assert "ScalingPolicy" in plugin("get")
    for words in (("web",), ("sp", "web"), ("scalingpolicy/web",)):
        assert [
            one["metadata"]["name"] for one in json.loads(plugin("get", *words, "-o", "json"))
        ] == ["web"]
    [item] = json.loads(plugin("get", "sp", "-o", "json"))
    digest = item["status"]["plan"]["digest"]
    assert digest in plugin("plan", "web")
    assert f"approve web -n {space.name} --digest {digest}" in plugin("explain", "web")
    assert "by now" in plugin("approve", "web", "--digest", "ffffffffffff", status=1)

    plugin("approve", "web", "--digest", digest)
    space.wait_ready("scalingpolicy", "web", reason="InSync")
    assert "no change waits" in plugin("approve", "web", status=1)


def test_it_is_looked_at_stopped_and_silenced(space: Space, plugin: Plugin) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")

    assert "was looked at" in plugin("reconcile", "web", "--wait")
    plugin("suspend", "scalingpolicy/web")
    assert "is suspended" in plugin("explain", "web")
    refused = plugin("reconcile", "web", "--wait", status=1)
    assert f"kubectl setpoint resume web -n {space.name}" in refused
    plugin("resume", "web")
    space.wait_ready("scalingpolicy", "web")
    for rule in ("cpu", "error_rate"):
        plugin("silence", "web", "--rule", rule, "--reason", "load test", "--for", "2h")
    silences = space.get("scalingpolicy", "web")["spec"]["alerts"]["silences"]
    assert [(one["rule"], one["reason"]) for one in silences] == [
        ("cpu", "load test"),
        ("errorRate", "load test"),
    ]
    said = yaml.safe_load(plugin("explain", "web", "-o", "yaml"))
    assert "is ready" in said[0]["text"]


def test_what_is_not_there_and_what_may_not_be_is_said(space: Space, plugin: Plugin) -> None:
    assert "there is no nothing here" in plugin("explain", "nothing", status=1)
    assert "there is no kind pods" in plugin("get", "pods/web", status=1)
    assert "there is no pods here" in plugin("get", "pods", status=1)
    assert "error: stat /nowhere" in plugin("get", "--kubeconfig", "/nowhere", status=1)
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling(mode="Observe"))
    assert "--for" in plugin("silence", "web", "--reason", "x", "--for", "soon", status=1)
