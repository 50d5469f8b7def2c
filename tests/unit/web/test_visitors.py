"""The first request from outside loopback is said once, in the words that ./scripts/run waits for."""

from __future__ import annotations

from flask import Flask
from structlog.testing import capture_logs

from invoice_service.web import visitors
from scripts.lib import welcome


def test_the_first_phone_is_said_once() -> None:
    app = Flask(__name__)
    visitors.register(app)
    app.add_url_rule("/s/<code>", "stall", lambda code: code)
    with capture_logs() as logs:
        app.test_client().get("/s/A01")
        for _ in range(2):
            app.test_client().get("/s/A01", environ_base={"REMOTE_ADDR": "192.168.1.7"})
    assert [entry["event"] for entry in logs] == [visitors.PHONE_CONNECTED]
    assert visitors.PHONE_CONNECTED == welcome.PHONE_CONNECTED
