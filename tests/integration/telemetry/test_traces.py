"""Traces, as a collector gets them."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure
from setpoint.telemetry import traces


@pytest.fixture
async def collector() -> AsyncIterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector of OTLP over HTTP; its URL, and what it got."""
    got: list[ExportTraceServiceRequest] = []

    async def take(request: web.Request) -> web.Response:
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with TestServer(app) as server:
        yield str(server.make_url("")), got


async def test_a_reconcile_is_a_trace_and_carries_no_texts_of_others(
    collector: tuple[str, list[ExportTraceServiceRequest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, got = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url.rstrip("/"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")

    assert traces.is_wanted()
    async with traces.exporting():
        with traces.span("reconcile", kind="DBTuning", namespace="shop", name="orders"):
            with pytest.raises(Failure), traces.span("observe"):
                raise Failure(Reason.TLS_FAILED, "a text")
            with pytest.raises(ValueError, match="secret"), traces.span("act"):
                raise ValueError("secret text of another system")

    spans = {
        s.name: s for g in got for r in g.resource_spans for k in r.scope_spans for s in k.spans
    }
    assert set(spans) == {"reconcile", "observe", "act"}
    assert spans["observe"].parent_span_id == spans["reconcile"].span_id
    about = {a.key: a.value.string_value for a in spans["reconcile"].attributes}
    assert about["setpoint.kind"] == "DBTuning"
    why = {a.key: a.value.string_value for a in spans["observe"].attributes}
    assert why["setpoint.reason"] == "TLSFailed"
    assert b"secret text" not in b"".join(g.SerializeToString() for g in got)
