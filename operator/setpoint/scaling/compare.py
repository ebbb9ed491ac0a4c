"""Values of AWS and of the spec, in a form in which equal ones are equal. Pure."""

import json
from collections.abc import Mapping
from typing import Any


def normal(value: Any) -> Any:
    """Numbers as floats, lists in one order, and what is empty left out, as AWS does."""
    if isinstance(value, Mapping):
        kept = {name: normal(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, [], {}, "")}
    if isinstance(value, list | tuple):
        return sorted((normal(item) for item in value), key=text)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def text(value: Any) -> str:
    """One text for equal values."""
    return json.dumps(value, sort_keys=True, default=str)
