"""Logs: one JSON object a line, or coloured text for people."""

import logging
import sys

import structlog

from app.observe.request_id import add_request_id


def configure_logs(log_format: str, log_level: str) -> None:
    """Send the logs of this process to standard error.

    Args:
        log_format: `json` or `console`.
        log_level: `debug`, `info`, `warning` or `error`.
    """
    level = logging.getLevelNamesMapping()[log_level.upper()]
    console = log_format == "console"
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
        if console
        else structlog.processors.JSONRenderer()
    )
    stamp = [] if console else [structlog.processors.TimeStamper(fmt="iso", utc=True)]
    structlog.configure(
        processors=[
            add_request_id,
            structlog.processors.add_log_level,
            *stamp,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log only what needs attention; psycopg's pool warns of connections that we replace.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
