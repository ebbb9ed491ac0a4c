"""Changes a parameter group, and reads it back."""

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.reads import Freshness, Reads
from setpoint.cache.elasticache.model import Order
from setpoint.cache.elasticache.observe import EVERY, is_granted, parameters_of, users
from setpoint.cache.elasticache.settings import refuse_shared
from setpoint.engine.failure import Failure


async def change(gateway: AWSGateway, reads: Reads, scope: Scope, order: Order) -> None:
    """One ModifyCacheParameterGroup. Raises Failure.

    Who has the group is asked once more just before: a cache that was given it meanwhile must not
    change along.
    """
    clusters = await reads.cache_clusters(scope, Freshness(EVERY, reads.clock()))
    sharing = users(clusters, order.group)
    ungranted = frozenset(name for name in sharing if not is_granted(gateway, scope, name))
    refusal = refuse_shared(order.group, sharing, ungranted, scope.resource, order.allowed)
    if refusal is not None:
        raise refusal
    await gateway.call(
        scope,
        "elasticache",
        "modify_cache_parameter_group",
        CacheParameterGroupName=order.group,
        ParameterNameValues=[
            {"ParameterName": name, "ParameterValue": value} for name, value in order.values.items()
        ],
    )
    found, _ = await parameters_of(gateway, scope, order.group)
    if missing := [n for n, v in order.values.items() if n not in found or found[n].value != v]:
        raise Failure(
            Reason.BUSY,
            f"ElastiCache took {', '.join(missing)}, but its parameter group {order.group} does "
            "not show it yet: it is looked at again",
        )
