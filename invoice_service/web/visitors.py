"""Say once in each process that somebody from outside this machine has come: the first phone of a demo.

`./scripts/run` waits for these words, so that whoever set it up sees that the phone got through.
"""

from __future__ import annotations

import structlog
from flask import Flask, request

from invoice_service.web.audience import is_loopback

log = structlog.get_logger()
PHONE_CONNECTED = "phone connected"


def register(app: Flask) -> None:
    greeted: list[bool] = []

    @app.before_request
    def greet() -> None:
        if not greeted and not is_loopback(request.remote_addr):
            greeted.append(True)
            log.info(PHONE_CONNECTED, path=request.path)
