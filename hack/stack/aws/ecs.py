"""ECS: moto's, with AWS's limit of DescribeServices and tasks that run as soon as they may."""

from collections.abc import Iterator, Mapping
from typing import Any

from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

_MOST_SERVICES = 10
_FINE_METRICS = ("CPUUtilization", "MemoryUtilization")


def handle(_world: World, call: Call) -> dict[str, Any] | None:
    """Always None: moto answers. Raises AWSError."""
    if call.operation == "UpdateService":
        _check_monitoring(call.params.get("monitoring") or {})
    if call.operation == "DescribeServices":
        names = call.params.get("services") or []
        if not names:
            raise AWSError("InvalidParameterException", "Services cannot be empty.")
        if len(names) > _MOST_SERVICES:
            message = f"Services cannot have more than {_MOST_SERVICES} elements."
            raise AWSError("InvalidParameterException", message)
        for found in _services(call, call.params.get("cluster") or "default", names):
            _run(found)
    return None


def _check_monitoring(monitoring: Mapping[str, Any]) -> None:
    for configured in monitoring.get("metricConfigurations") or ():
        unknown = set(configured.get("metricNames", ())) - set(_FINE_METRICS)
        if unknown or configured.get("resolutionSeconds") not in (20, 60):
            message = f"Only {' and '.join(_FINE_METRICS)} every 20 or 60 seconds are supported."
            raise AWSError("InvalidParameterException", message)


def service(call: Call, cluster: str, name: str) -> Any:
    """Moto's active service of that name in the account and region of a call, or None."""
    found = moto("ecs", call).services.get(f"{cluster}:{name}")
    return found if found is not None and found.status == "ACTIVE" else None


def set_desired(found: Any, count: int) -> None:
    """Another number of tasks; it starts no deployment."""
    found.desired_count = count
    _run(found)


def deploy(found: Any, values: Mapping[str, Any]) -> None:
    """Hold a service in a state: `deploying`, and `running` tasks (None: as many as desired)."""
    found.stack_deploying = values.get("deploying", False)
    found.stack_running = values.get("running")
    _run(found)


def target_groups(found: Any) -> list[str]:
    """The target groups that a service is attached to, as the last part of their ARN."""
    arns = (balancer.get("targetGroupArn", "") for balancer in found.load_balancers)
    return [arn.rpartition(":")[2] for arn in arns]


def is_blue_green(found: Any) -> bool:
    """Whether CodeDeploy deploys a service; None is no service."""
    return (getattr(found, "deployment_controller", None) or {}).get("type") == "CODE_DEPLOY"


def is_fine(found: Any, metric: str) -> bool:
    """Whether UpdateService(monitoring=...) has given a service a metric every 20 seconds."""
    monitoring = getattr(found, "monitoring", None) or {}
    return any(
        metric in configured.get("metricNames", ()) and configured.get("resolutionSeconds") == 20
        for configured in monitoring.get("metricConfigurations") or []
    )


def running(call: Call, cluster: str, name: str) -> int | None:
    """How many tasks run; None if there is no such service."""
    found = service(call, cluster, name)
    if found is None:
        return None
    _run(found)
    return int(found.running_count)


def _services(call: Call, cluster: str, names: list[str]) -> Iterator[Any]:
    known, short = moto("ecs", call).services, cluster.rpartition("/")[2]
    for name in names:
        found = known.get(f"{short}:{name.rpartition('/')[2]}")
        if found is not None:
            yield found


def _run(found: Any) -> None:
    """Moto never starts a task nor ends a deployment by itself."""
    held = getattr(found, "stack_running", None)
    found.running_count = found.desired_count if held is None else held
    found.pending_count = max(0, found.desired_count - found.running_count)
    state = "IN_PROGRESS" if getattr(found, "stack_deploying", False) else "COMPLETED"
    _show_old_deployment(found)
    for deployment in found.deployments[:1]:
        deployment |= {
            "desiredCount": found.desired_count,
            "runningCount": found.running_count,
            "pendingCount": found.pending_count,
            "rolloutState": state,
            "rolloutStateReason": f"ECS deployment {deployment['id']} {state.lower()}.",
        }


def _show_old_deployment(found: Any) -> None:
    """While a deployment is under way the one before it is there, too, as ACTIVE."""
    del found.deployments[1:]
    if found.deployments and getattr(found, "stack_deploying", False):
        old = found.deployments[0] | {
            "id": f"{found.deployments[0]['id']}0",
            "status": "ACTIVE",
            "desiredCount": 0,
            "runningCount": 0,
            "pendingCount": 0,
            "rolloutState": "COMPLETED",
        }
        found.deployments.append(old)
