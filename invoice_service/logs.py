"""Structured logs without secrets: what looks like one is masked before a line is written."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(
    r"token|secret|password|authorization|cookie|claim_key|private|raw|salt|database_url|smtp_url", re.I
)
_TOKEN_IN_TEXT = re.compile(
    r"((?<=/[oi]/)|(?<=/orders/)|(?<=/set-up/)|(?<=/bind/)|(?<=/key/))[A-Za-z0-9_-]{16,}"
)
MASK = "***"


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values under telling names, holders' tokens and invitations in paths, never reach a log."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = _TOKEN_IN_TEXT.sub(MASK, value)
    return event


def configure(*, json: bool) -> None:
    """Logs to standard output: JSON lines for machines, coloured lines for people."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not json:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
