"""OpenTelemetry traces of reconciles, where the standard variables name a collector."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def is_wanted() -> bool:
    """Whether the environment names a collector."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


@contextlib.asynccontextmanager
async def exporting() -> AsyncIterator[None]:
    """Send spans to the collector while the context is open; nothing where none is named.

    OTLP over HTTP, in batches, from a thread. OpenTelemetry's own variables set all else: headers,
    certificates, the sampler (OTEL_TRACES_SAMPLER).
    """
    if not is_wanted():
        yield
        return
    # The SDK is loaded only where it is used: it costs memory.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    about = {"service.name": "setpoint", "service.version": version("setpoint")}
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:  # what is left is sent now, which takes a while
        await asyncio.to_thread(provider.shutdown)


@contextlib.contextmanager
def span(title: str, /, **attributes: str) -> Iterator[Span]:
    """A span. Exceptions mark it as failed; their texts, which may be of others, stay out."""
    tracer = trace.get_tracer("setpoint")
    with tracer.start_as_current_span(
        title,
        attributes={f"setpoint.{key}": value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except Exception as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            made.set_attribute("setpoint.reason", str(reason))
            made.set_status(Status(StatusCode.ERROR))
            raise
