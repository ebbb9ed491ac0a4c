"""What Application Auto Scaling calls the things it scales. Plain values, no I/O."""

from typing import NamedTuple


class ScalableId(NamedTuple):
    """A scalable target: AWS's ServiceNamespace, ResourceId and ScalableDimension."""

    namespace: str
    resource_id: str
    dimension: str

    @property
    def parameters(self) -> dict[str, str]:
        """What every call of Application Auto Scaling names."""
        return {
            "ServiceNamespace": self.namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }

    def __str__(self) -> str:
        """`ecs/service/prod/checkout/ecs:service:DesiredCount`."""
        return "/".join(self)
