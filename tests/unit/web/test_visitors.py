"""The first request from outside loopback is said once, in the words that ./scripts/run waits for."""

from __future__ import annotations

import pytest
from flask import Flask

from invoice_service.web import visitors
from scripts.lib import welcome
from tests import logs


def test_the_first_phone_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask(__name__)
    visitors.register(app)
    app.add_url_rule("/s/<code>", "stall", lambda code: code)
    with logs.of(visitors, monkeypatch) as said:
        app.test_client().get("/s/A01")
        for _ in range(2):
            app.test_client().get("/s/A01", environ_base={"REMOTE_ADDR": "192.168.1.7"})
    assert [entry["event"] for entry in said] == [visitors.PHONE_CONNECTED]
    assert visitors.PHONE_CONNECTED == welcome.PHONE_CONNECTED
