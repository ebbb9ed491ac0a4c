"""Pages with opaque tokens that only fit the request they came from."""

import base64
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from stack.aws.wire import AWSError

_NOT_FILTERS = ("NextToken", "MaxResults", "MaxRecords")


def take(
    items: Iterable[Any], params: Mapping[str, Any], size: int, *, partial: bool, refusal: str
) -> tuple[list[Any], str | None]:
    """A page of `size` items and the token of the next one. Raises AWSError `refusal`.

    A partial page holds half as many, as AWS may always do.
    """
    start = _start(params, refusal)
    found = list(islice(items, start, start + size + 1))
    page = found[:size]
    if partial and len(page) > 1:
        page = page[: len(page) // 2]
    return page, _token(params, start + len(page)) if len(page) < len(found) else None


def _start(params: Mapping[str, Any], refusal: str) -> int:
    token = params.get("NextToken")
    if token is None:
        return 0
    try:
        filters, start = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        filters, start = None, 0
    if filters != _filters(params):
        raise AWSError(refusal, "The next token supplied is invalid.")
    return int(start)


def _token(params: Mapping[str, Any], start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([_filters(params), start]).encode()).decode()


def _filters(params: Mapping[str, Any]) -> str:
    kept = {k: v for k, v in params.items() if k not in _NOT_FILTERS}
    return json.dumps(kept, sort_keys=True, default=str)
