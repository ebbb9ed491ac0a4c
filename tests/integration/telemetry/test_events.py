"""Events on a real API server."""

from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio import config as kube_config

from setpoint.api.conditions import Reason
from setpoint.engine.kube import KubeClient
from setpoint.telemetry.events import EventRecorder
from stack.cluster import Cluster


async def test_a_series_is_one_event_and_comes_back_when_it_was_removed(
    controlplane: Cluster,
) -> None:
    controlplane.create_namespace("series")
    body = {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"namespace": "series", "name": "web", "uid": "u1"},
    }
    configuration = client.Configuration()
    await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=str(controlplane.admin_kubeconfig), client_configuration=configuration
    )
    bodies: list[Any] = []

    async def keep(namespace: str, event: Any) -> None:
        bodies.append(event)
        await kube.write_event(namespace, event)

    def found() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = controlplane.get("events.v1.events.k8s.io", "-n", "series")[
            "items"
        ]
        return listed

    async with client.ApiClient(configuration) as api:
        kube = KubeClient(api)
        recorder = EventRecorder(keep, lambda: datetime.now(UTC))
        for _ in range(3):
            recorder.record(body, Reason.ACTION_DONE, "did it")
        recorder.flush()
        while not recorder._queue.empty():
            await keep(*recorder._queue.get_nowait())
        [event] = found()
        assert event["series"]["count"] == 3
        controlplane.kubectl("delete", "events.events.k8s.io", "--all", "-n", "series")
        await kube.write_event("series", bodies[-1])
        assert [one["series"]["count"] for one in found()] == [3]
