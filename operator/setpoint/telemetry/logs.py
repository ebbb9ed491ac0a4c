"""Logs: one JSON object a line on standard output, ours and the libraries' alike."""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Send structlog and the standard library's logging to standard output as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # kopf says INFO for every watch event.
    for name in ("kopf", "aiohttp.access", "slack_sdk"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its warnings carry AWS's own texts; what went wrong is said by us.
    logging.getLogger("botocore").setLevel(logging.ERROR)
