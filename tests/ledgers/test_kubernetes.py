"""Under the chart's roles nothing was denied, and nothing granted was not used."""

from stack import helm
from stack.cluster import Cluster
from tests.e2e.conftest import USER
from tests.ledgers import rbac
from tests.whole import Whole


def test_the_operator_was_denied_nothing(controlplane: Cluster) -> None:
    assert rbac.denied(controlplane.audit_events(), USER) == set()


def test_every_right_of_the_operator_was_used(controlplane: Cluster, whole: Whole) -> None:
    objects = helm.render({})
    granted = rbac.granted(objects, "setpoint", "setpoint-leader")
    used = rbac.used(controlplane.audit_events(), USER)
    if not any(right.resource == "leases" for right in used):  # nobody was elected
        granted -= rbac.granted(objects, "setpoint-leader")
    print("never used:", sorted(granted - used))
    assert used <= granted
    assert used == granted or not whole.has("e2e")
