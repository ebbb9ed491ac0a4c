"""What is observed of an RDS instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RDSObserved:
    """`current` and `pending` as DescribeDBInstances names things; storage in GiB."""

    arn: str
    instance: str
    state: str
    maintenance_window: str
    in_cluster: bool
    current: Mapping[str, Any]
    pending: Mapping[str, Any]

    def effective(self, name: str) -> Any:
        """The value that holds once everything pending is applied."""
        return self.pending.get(name, self.current.get(name))
