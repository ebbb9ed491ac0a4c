"""The base model of every part of a resource, CEL and list helpers, shared parts of spec."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of a resource: immutable, camelCase on the wire, fields described by docstrings."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    def wire(self) -> dict[str, Any]:
        """The model as Kubernetes stores it: camelCase, absent instead of null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def cel(rule: str, message: str) -> dict[str, Any]:
    """One CEL rule of `x-kubernetes-validations`, with the sentence that a user reads."""
    return {"rule": rule, "message": message}


def validations(*rules: dict[str, Any]) -> dict[str, Any]:
    """`json_schema_extra` for a model or field that carries CEL rules."""
    return {"x-kubernetes-validations": list(rules)}


def list_map(*keys: str) -> dict[str, Any]:
    """`json_schema_extra` for a list whose items are told apart by `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""`json_schema_extra` for a list that one writer owns as a whole."""


class Mode(StrEnum):
    """How far setpoint goes."""

    OBSERVE = "Observe"
    PLAN = "Plan"
    ENFORCE = "Enforce"


class Approval(StrEnum):
    """Whether an action of high risk waits for a person."""

    REQUIRED = "Required"
    NONE = "None"


class DeletionPolicy(StrEnum):
    """What deleting the resource does to what it manages."""

    RETAIN = "Retain"
    REVERT = "Revert"


SecretName = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]


class SecretRef(Model):
    """A Secret of the resource's own namespace."""

    name: SecretName
    """Name of the Secret. It is read from the resource's own namespace only."""


class SecretKeyRef(SecretRef):
    """One key of a Secret of the resource's own namespace."""

    key: SecretKey
    """Key within the Secret's data."""


class AWS(Model):
    """Where in AWS, and as whom."""

    region: Annotated[str, Field(max_length=32, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$")] | None = (
        None
    )
    """AWS region, such as eu-central-1. Without it the operator's configured region is used."""

    role: (
        Annotated[
            str, Field(max_length=2048, pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$")
        ]
        | None
    ) = None
    """ARN of the IAM role to assume. Only a role that the operator's configuration grants to this
    namespace is used. Without it, calls are made as the operator itself, if that is granted."""
