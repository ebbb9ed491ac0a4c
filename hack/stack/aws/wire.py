"""Requests of AWS clients as plain calls, and answers as the service's protocol wants them."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.wrappers import Request, Response

ACCOUNT = "123456789012"
_SERVICES = {"monitoring": "cloudwatch"}
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


class AWSError(Exception):
    """An error answer: AWS's code, its wording, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Call:
    """One call of a client."""

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    access_key: str
    protocol: str

    @property
    def mutating(self) -> bool:
        """Whether it may change something, by its name."""
        return not re.match(r"(Describe|Get|List|AssumeRole)", self.operation)


def parse(request: Request) -> Call | None:
    """The call in a signed request; None for anything else."""
    found = _SCOPE.search(request.headers.get("Authorization", ""))
    if found is None:
        return None
    access_key, region, name = found.groups()
    service = _SERVICES.get(name, name)
    target = request.headers.get("X-Amz-Target")
    operation = target.rpartition(".")[2] if target else request.form.get("Action", "")
    try:
        model = get_service_model(service).operation_model(operation)
    except Exception:  # noqa: BLE001 - an unknown service or operation is moto's to refuse
        return Call(service, operation, {}, region, access_key, "")
    protocol = "json" if target else "query"
    parsed = PROTOCOL_PARSERS[protocol](model).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": {},
        }
    )
    return Call(service, operation, parsed, region, access_key, protocol)


def answer(call: Call, result: Mapping[str, Any]) -> Response:
    """A result, by AWS's names, in the service's protocol."""
    model = get_service_model(call.service).operation_model(call.operation)
    serializer = get_serializer_class(call.service, call.protocol)(operation_model=model)
    made = serializer.serialize(result)
    return Response(made["body"], status=made["status_code"], headers=made["headers"])


def refuse(call: Call, error: AWSError) -> Response:
    """An error in the service's protocol."""
    if call.protocol == "json":
        body = json.dumps({"__type": error.code, "message": error.message})
        kind = "application/x-amz-json-1.1"
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        kind = "text/xml"
    headers = {"x-amzn-RequestId": str(uuid.uuid4()), "x-amzn-errortype": error.code}
    return Response(body, status=error.status, headers=headers, content_type=kind)
