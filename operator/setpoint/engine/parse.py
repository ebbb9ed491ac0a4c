"""A body of the API server as a typed Resource."""

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from setpoint.api.common import CommonSpec
from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure
from setpoint.engine.model import Key, Resource


def parse(key: Key, body: dict[str, Any], spec_model: type[CommonSpec]) -> Resource[Any]:
    """Raises Failure(INVALID_SPEC), naming the fields, for a spec that the model refuses."""
    metadata = body["metadata"]
    try:
        spec = spec_model.model_validate(body.get("spec"))
    except ValidationError as error:
        fields = sorted({_path(item["loc"]) for item in error.errors()})
        raise Failure(
            Reason.INVALID_SPEC,
            f"this version of setpoint cannot read {', '.join(fields[:5])}: "
            "install the CustomResourceDefinitions that belong to it and apply the resource again",
        ) from None
    return Resource(
        key=key,
        uid=metadata["uid"],
        generation=metadata["generation"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=spec,
        status=body.get("status") or {},
        annotations=metadata.get("annotations") or {},
    )


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(("spec", *map(str, location)))
