"""Requests of AWS clients as plain calls, and answers as the service's protocol wants them.

boto3 1.44 speaks JSON to Application Auto Scaling, CloudWatch and ECS, and the query protocol to
RDS, STS and ElastiCache. Names, types and shapes come from botocore's models.
"""

import gzip
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from botocore.utils import parse_timestamp
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.wrappers import Response

_SERVICES = {"monitoring": "cloudwatch"}  # signed by another name than boto3's
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")
_READS = re.compile(r"(Describe|Get|List|AssumeRole)")


class AWSError(Exception):
    """An error answer: AWS's code, its wording, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Call:
    """One call of a client. `operation` is METHOD and path where there is no name for it."""

    service: str
    operation: str
    region: str
    access_key: str
    protocol: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    account: str = ""
    role: str | None = None
    partial: bool = False
    """A fault wants half a page."""

    @property
    def mutating(self) -> bool:
        """Whether it may change something, by its name."""
        return not _READS.match(self.operation)


@cache
def operation_model(service: str, operation: str) -> Any:
    """Botocore's model of an operation; None for what botocore does not know."""
    try:
        return get_service_model(service).operation_model(operation)
    except (UnknownServiceError, OperationNotFoundError):
        return None


@cache
def _is_query_compatible(service: str) -> bool:
    """Whether JSON answers carry the query protocol's error code in a header (CloudWatch)."""
    return "awsQueryCompatible" in get_service_model(service).metadata


def body_of(environ: Mapping[str, Any]) -> bytes:
    """The body of a request. boto3 compresses PutMetricData from 10 KiB on."""
    chunked = environ.get("wsgi.input_terminated")
    length = -1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length)
    return gzip.decompress(body) if environ.get("HTTP_CONTENT_ENCODING") == "gzip" else body


def parse(environ: Mapping[str, Any], body: bytes) -> Call:
    """The call in a request."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    form = {} if target else dict(parse_qsl(body.decode("utf-8", "replace"), True))
    operation = target.rpartition(".")[2] or form.get("Action", "")
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if found is not None:
        key, region, name = found.groups()
    else:
        key, region, name = "", "us-east-1", "sts" if operation in _UNSIGNED else "unknown"
    service = _SERVICES.get(name, name)
    model = operation_model(service, operation)
    if model is None:
        path = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"
        return Call(service, operation or path, region, key)
    protocol = "json" if target else "query"
    params = PROTOCOL_PARSERS[protocol](model, timestamp_parser=_aware).parse(
        {
            "method": environ["REQUEST_METHOD"],
            "values": MultiDict(form),
            "headers": Headers(),
            "body": body,
            "url_path": "/",
            "url_params": {},
        }
    )
    return Call(service, operation, region, key, protocol, params)


def answer(call: Call, result: Any) -> Response:
    """A result by AWS's names; for the query protocol also moto's own objects."""
    if call.protocol == "json":
        return _json(json.dumps(result, default=_epoch), 200)
    model = operation_model(call.service, call.operation)
    serializer = get_serializer_class(call.service, "query")(
        operation_model=model, value_picker=XFormedAttributePicker()
    )
    made = serializer.serialize(result)
    return Response(made["body"], status=made["status_code"], headers=made["headers"])


def refusal(call: Call, error: AWSError) -> Response:
    """An error, as the protocol of the call says it."""
    kind = "Sender" if error.status < 500 else "Receiver"
    if call.protocol == "json":
        body = json.dumps({"__type": error.code, "message": error.message})
        response = _json(body, error.status)
        response.headers["x-amzn-errortype"] = error.code
        if _is_query_compatible(call.service):
            response.headers["x-amzn-query-error"] = f"{error.code};{kind}"
        return response
    text = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(text, status=error.status, content_type="text/xml")


def error_code(response: Response) -> str | None:
    """The error code in an answer of moto's; None for success."""
    if response.status_code < 400:
        return None
    named = response.headers.get("x-amzn-errortype")
    if named:
        return named.partition(":")[0].rpartition("#")[2]
    found = re.search(r"<Code>([^<]+)</Code>", response.get_data(as_text=True))
    return found[1] if found else "Unknown"


def _json(body: str, status: int) -> Response:
    response = Response(body, status=status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def _aware(value: Any) -> datetime:
    parsed: datetime = parse_timestamp(value)
    return parsed.astimezone(UTC)


def _epoch(value: Any) -> float:
    """JSON of AWS has times as seconds since 1970."""
    if isinstance(value, datetime):  # moto's have no zone and mean UTC
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    raise TypeError(type(value).__name__)
