"""The checks that AWS makes of every request against its model, before it looks at the meaning.

boto3 checks only what is required and the types; enums, lengths, ranges and patterns are left to
the server.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from stack.aws.wire import AWSError, Call, operation_model


def validate(call: Call) -> None:
    """Raises AWSError: ValidationException with all that is wrong, in AWS's wording."""
    shape = operation_model(call.service, call.operation).input_shape
    found = list(_structure(shape, call.params, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        message = f"{len(found)} validation {noun} detected: {'; '.join(found)}"
        raise AWSError("ValidationException", message)


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _sentence(None, path + _lower(name), "Member must not be null")
    for name, item in value.items():
        if item is not None:
            yield from _check(shape.members[name], item, path + _lower(name))


def _check(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path + ".")
    elif kind == "list":
        yield from _length(shape, value, path)
        for number, item in enumerate(value, 1):
            yield from _check(shape.member, item, f"{path}.{number}.member")
    elif kind == "map":
        for name, item in value.items():
            yield from _check(shape.key, name, f"{path}.{name}.key")
            yield from _check(shape.value, item, f"{path}.{name}.value")
    elif kind == "integer":
        yield from _range(shape, value, path)
    elif kind == "string":
        yield from _length(shape, value, path)
        pattern = shape.metadata.get("pattern")
        if pattern and value and not _compiled(pattern).fullmatch(value):
            rule = f"Member must satisfy regular expression pattern: {pattern}"
            yield _sentence(value, path, rule)
        if shape.enum and value not in shape.enum:
            allowed = ", ".join(shape.enum)
            rule = f"Member must satisfy enum value set: [{allowed}]"
            yield _sentence(value, path, rule)


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        rule = f"Member must have length greater than or equal to {least}"
        yield _sentence(value, path, rule)
    if most is not None and len(value) > most:
        yield _sentence(value, path, f"Member must have length less than or equal to {most}")


def _range(shape: Any, value: int, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _sentence(value, path, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _sentence(value, path, f"Member must have value less than or equal to {most}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the models, which are Java's."""
    pairs = r"\uD800\uDC00-\uDBFF\uDFFF"
    return re.compile(
        pattern.replace(r"\p{Print}", r"[\x20-\x7e]").replace(pairs, r"\U00010000-\U0010FFFF")
    )


def _sentence(value: Any, path: str, rule: str) -> str:
    shown = "Value" if value is None else f"Value '{value}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {rule}"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
