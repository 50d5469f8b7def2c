"""The cashier page: what a shopper sees in each state, in both languages, without JavaScript."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from invoice_service.payments.provider import PaymentState
from invoice_service.payments.sandbox.cashier import TEXTS


def path_of(sandbox, **changes: object) -> str:
    request = sandbox.request("SO-1", **changes)
    return sandbox.provider.start(request).removeprefix("http://pay.example")


def look(sandbox, path: str, language: str = "en") -> str:
    return get(sandbox, path, language).text


def get(sandbox, path: str, language: str = "en") -> TestResponse:
    return sandbox.app.test_client().get(path, headers={"Accept-Language": language})


def tap(sandbox, path: str) -> TestResponse:
    return sandbox.app.test_client().post(
        f"{path}/pay", headers={"Accept-Language": "en"}, follow_redirects=True
    )


def test_the_open_page_says_whom_and_how_much_and_that_it_is_play_money(sandbox) -> None:
    page = look(sandbox, path_of(sandbox, amount_fen=123_456))
    assert "李姐的蔬菜摊 · 蔬菜" in page
    assert "1,234.56" in page
    assert "no real money" in page
    assert "Pay ¥1,234.56</button>" in page


def test_tapping_pays_and_leads_back(sandbox) -> None:
    path = path_of(sandbox)
    page = tap(sandbox, path).text
    assert "<h1>Paid</h1>" in page
    assert 'href="http://localhost:8000/o/abc"' in page
    report = sandbox.door.wait_for(1)[0].report
    assert (report.state, report.amount_fen) == (PaymentState.SUCCEEDED, 1250)
    assert report.transaction_id in page


def test_tapping_again_says_that_it_is_paid_already(sandbox) -> None:
    path = path_of(sandbox)
    tap(sandbox, path)
    assert "<h1>Already paid</h1>" in tap(sandbox, path).text
    assert "<h1>Already paid</h1>" in look(sandbox, path)
    assert "<button" not in look(sandbox, path)


def test_an_expired_order_is_not_paid_and_says_so(sandbox) -> None:
    path = path_of(sandbox)
    sandbox.clock.ahead = timedelta(minutes=16)
    assert "<button" not in look(sandbox, path)
    assert "<h1>This order has expired</h1>" in tap(sandbox, path).text
    assert sandbox.provider.query("SO-1").state is PaymentState.CLOSED


def test_a_refunded_order_says_what_came_back(sandbox) -> None:
    path = path_of(sandbox)
    tap(sandbox, path)
    sandbox.provider.refund("SO-1", "RF-1", amount_fen=250, total_fen=1250)
    page = look(sandbox, path)
    assert "<h1>Refunded</h1>" in page
    assert "¥2.50" in page


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_order_is_said_kindly(sandbox, method: str) -> None:
    path = {"GET": "/cashier/guess", "POST": "/cashier/guess/pay"}[method]
    reply = sandbox.app.test_client().open(path, method=method, headers={"Accept-Language": "en"})
    assert reply.status_code == 404
    assert "There is no such order" in reply.text


@pytest.mark.parametrize(
    ("accepted", "asked", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh-CN"),
        ("en-GB", "", "en"),
        ("fr", "", "zh-CN"),
        ("en", "?lang=zh", "zh-CN"),
        ("zh-CN", "?lang=en", "en"),
        ("en", "?lang=xx", "en"),
    ],
)
def test_the_language_follows_the_phone_and_then_the_switch(
    sandbox, accepted: str, asked: str, lang: str
) -> None:
    assert f'<html lang="{lang}">' in look(sandbox, path_of(sandbox) + asked, accepted)


def test_the_switch_survives_the_payment(sandbox) -> None:
    path = path_of(sandbox)
    action = re.search(r'action="([^"]+)"', look(sandbox, f"{path}?lang=zh")).group(1)
    page = sandbox.app.test_client().post(action, headers={"Accept-Language": "en"}, follow_redirects=True)
    assert "支付成功" in page.text
    switch = re.search(r'class="language" href="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    assert "<h1>Paid</h1>" in look(sandbox, path + switch)


def test_both_languages_say_everything() -> None:
    assert TEXTS["zh"].keys() == TEXTS["en"].keys()
    assert all(text for texts in TEXTS.values() for text in texts.values())


def test_akaunting_cve_2026_5568_script_in_a_name_stays_text(sandbox) -> None:
    page = look(sandbox, path_of(sandbox, description='<script>alert(1)</script>" onload="x'))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing(sandbox) -> None:
    path = path_of(sandbox)
    for reply in (get(sandbox, path), tap(sandbox, path), get(sandbox, "/cashier/guess")):
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in reply.headers
        assert not re.search(r"<script|style=|\son\w+=", reply.text)
        assert re.findall(r'<link rel="stylesheet" href="([^"]+)"', reply.text) == ["/static/cashier.css"]
    with get(sandbox, "/static/cashier.css") as stylesheet:
        assert stylesheet.mimetype == "text/css"


def test_a_cashier_address_cannot_be_guessed(sandbox) -> None:
    prepay_id = path_of(sandbox).removeprefix("/cashier/")
    assert len(prepay_id) == 32  # 24 random bytes
