"""Which cache of ElastiCache a CacheTuning is about, and what AWS says of it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from setpoint.api.base import Model, cel, validations

_NAME = r"^[a-zA-Z](-?[a-zA-Z0-9])*$"
_KINDS = ("replicationGroup", "cluster", "serverlessCache")

SharedName = Annotated[
    str, Field(max_length=80, pattern=r"^(replicationgroup|cluster):[a-zA-Z](-?[a-zA-Z0-9])*$")
]


def _kept(field: str) -> str:
    return (
        f"(has(self.{field}) ? self.{field} : '') == (has(oldSelf.{field}) ? oldSelf.{field} : '')"
    )


class ElastiCache(Model):
    """A cache of Amazon ElastiCache for Valkey or Redis OSS."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "[" + ", ".join(f"has(self.{kind})" for kind in _KINDS) + "]"
                ".filter(found, found).size() == 1",
                "elastiCache must name exactly one of replicationGroup, cluster and "
                "serverlessCache",
            ),
            cel(
                " && ".join(_kept(kind) for kind in _KINDS),
                "the cache that elastiCache names cannot be changed: create another CacheTuning",
            ),
            cel(
                "!has(self.serverlessCache) || !has(self.sharedWith) || "
                "self.sharedWith.size() == 0",
                "elastiCache.sharedWith is about parameter groups, which a serverless cache has "
                "not",
            ),
        )
    )

    replication_group: Annotated[str, Field(max_length=40, pattern=_NAME)] | None = None
    """Id of a replication group, with cluster mode or without."""

    cluster: Annotated[str, Field(max_length=50, pattern=_NAME)] | None = None
    """Id of a single node that is in no replication group."""

    serverless_cache: Annotated[str, Field(max_length=40, pattern=_NAME)] | None = None
    """Name of a serverless cache. It is measured; AWS lets nobody change its settings."""

    shared_with: Annotated[
        list[SharedName],
        Field(max_length=50, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Other caches with the same parameter group, such as replicationgroup:carts: their settings
    change along. A parameter group that any other cache has is left alone."""

    @property
    def resource(self) -> str:
        """The cache as its ARN, grants and sharedWith name it: replicationgroup:NAME."""
        if self.replication_group is not None:
            return f"replicationgroup:{self.replication_group}"
        if self.cluster is not None:
            return f"cluster:{self.cluster}"
        return f"serverlesscache:{self.serverless_cache}"

    @property
    def name(self) -> str:
        """Its id alone."""
        return self.resource.partition(":")[2]


class ElastiCacheStatus(Model):
    """The cache as AWS describes it."""

    state: Annotated[str, Field(max_length=64)]
    """ElastiCache's own status of it."""

    engine: Annotated[str, Field(max_length=64)]
    """Engine and version: Valkey 8.0, Redis OSS 7.1."""

    node_type: Annotated[str, Field(max_length=64)] | None = None
    """Type of the nodes, such as cache.r7g.large."""

    node_memory: Annotated[str, Field(max_length=64)] | None = None
    """Memory of a node, and what of it is reserved for other things than data."""

    nodes: int | None = None
    """Number of nodes."""

    automatic_failover: Annotated[str, Field(max_length=16)] | None = None
    """Whether a replica takes over when its primary fails: enabled, disabled, or on the way."""

    parameter_group: Annotated[str, Field(max_length=255)] | None = None
    """Parameter group of the nodes."""

    parameters: Annotated[str, Field(max_length=256)] | None = None
    """How far the nodes have taken its parameters: in-sync, applying, or pending-reboot with the
    nodes that need one."""
