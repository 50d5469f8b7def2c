"""What has gone wrong in software like this, tried on ours. Tests carry the fault's number and source.

Faults 7, 8, 9, 17, 18 and 19 are about money and stand in `test_payments.py` and
`test_late_payments.py`; 16 in `test_crashes_lose_nothing.py`.
"""

from __future__ import annotations

import dataclasses
import http.server
import io
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pypdf
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DataError

from invoice_service import keyring
from invoice_service.app import build_services, create_app
from invoice_service.config import Config
from invoice_service.documents.xml.reading import read
from invoice_service.web import audience
from tests.attack import (
    CHINESE,
    ENGLISH,
    INNARDS,
    Phone,
    ask,
    digest,
    payment_request,
    provider,
    refusal,
    trade_no,
)
from tests.doors import DOORS, OPEN, doors_of
from tests.stack import Stack, eventually

USCC = "92532528MA6L45LX6L"
ELSEWHERE = "198.51.100.7"  # an address of documentation, so surely not this machine
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module", autouse=True)
def _quiet_sandbox(stack: Stack) -> None:
    """No doubled notices: a row that arrives by itself would look like a change."""
    provider(stack).set_behaviour({"duplicate": 0})


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The application itself, over a database that is not there: for what is decided before any query."""
    keyring.make_missing(tmp_path, now=datetime.now(UTC), issuer_name="Test market")
    config = Config(
        data_dir=tmp_path,
        database_url="postgresql+psycopg://nobody@127.0.0.1:9/none",
        sandbox_url="http://127.0.0.1:9",
    )
    services = build_services(config)
    yield create_app(services)
    services.database.dispose()


def invoice_for(stack: Stack, amount_fen: int, **buyer: str | None) -> tuple[str, dict[str, Any]]:
    """(order token, the issued invoice) of a new order."""
    order_id: str = stack.place(amount_fen)["order_id"]
    stack.pay(order_id)
    stack.wait_paid(order_id)
    answer = stack.issue(order_id, **buyer)
    assert answer.status_code == 201, answer.text
    return order_id, answer.json()


# -- who may see and do what ----------------------------------------------------------------------


def test_threat_2_kimai_cve_2026_28685_an_invoice_by_number_with_another_token(stack: Stack) -> None:
    """Numbers can be guessed; only the invoice's own token opens it."""
    _, mine = invoice_for(stack, 3001)
    order_id, theirs = invoice_for(stack, 3002)
    wrong = {
        "none": ({}, 401, "invoice.token_missing"),
        "empty": ({"Authorization": "Bearer "}, 401, "invoice.token_missing"),
        "another scheme": ({"Authorization": f"Basic {theirs['token']}"}, 401, "invoice.token_missing"),
        "mine": ({"Authorization": f"Bearer {mine['token']}"}, 404, "invoice.unknown"),
        "the order's": ({"Authorization": f"Bearer {order_id}"}, 404, "invoice.unknown"),
        "one letter off": ({"Authorization": f"Bearer {theirs['token'][:-2]}AA"}, 404, "invoice.unknown"),
    }
    for headers, status, code in wrong.values():
        for file in ("", "/evidence", "/pdf", "/xml"):
            answer = ask(stack, "GET", f"/api/v1/invoices/{theirs['number']}{file}", headers=headers)
            problem = refusal(answer, status, code)
            assert theirs["number"] not in json.dumps(problem)
    for path in (f"/i/{theirs['number']}", f"/i/{order_id}", f"/o/{theirs['token']}"):
        assert ask(stack, "GET", path).status_code == 404
    assert stack.get_file(theirs, "").json()["number"] == theirs["number"]


def test_threat_5_erpnext_cve_2026_27471_a_door_that_forgot_to_ask_who_calls(app: Flask) -> None:
    """A route without a declared audience keeps the whole application from starting."""
    audience.require_audiences(app)
    app.view_functions["forgotten"] = lambda: "everybody's invoices"
    app.url_map.add(app.url_rule_class("/forgotten", endpoint="forgotten", methods=["GET"]))
    with pytest.raises(RuntimeError, match="/forgotten"):
        audience.require_audiences(app)


def test_threat_5_every_door_is_for_those_the_design_says(app: Flask) -> None:
    """A new door is entered by hand in `tests/doors.py`, with whom it is for and what it answers them."""
    found = doors_of(app)
    assert found == {name: door.who for name, door in DOORS.items()}
    desks = {name for name in found if name.split()[1].startswith(("/vendor", "/market", "/account/records"))}
    assert not {name for name in desks if found[name] in OPEN}


def from_elsewhere(app: Flask, path: str, **options: Any) -> int:
    client: FlaskClient = app.test_client()
    return client.get(path, environ_overrides={"REMOTE_ADDR": ELSEWHERE}, **options).status_code


def test_metrics_are_for_this_machine(app: Flask) -> None:
    claims = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    assert from_elsewhere(app, "/metrics") == 403
    assert from_elsewhere(app, "/metrics", headers=claims) == 403
    assert from_elsewhere(app, "/metrics", base_url="https://market.example") == 403
    here = app.test_client().get("/metrics", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert here.status_code == 503  # let in, and there is no database


def test_plain_http_from_elsewhere_serves_shoppers_and_the_public(app: Flask) -> None:
    """Other desks need https or this machine. None is built yet, so one is put up here."""

    @audience.audience(audience.Audience.OPERATIONS)
    def desk() -> str:
        return "desk"

    app.view_functions["desk"] = desk
    app.url_map.add(app.url_rule_class("/desk", endpoint="desk", methods=["GET"]))
    assert from_elsewhere(app, "/desk") == 403
    assert app.test_client().get("/desk").status_code == 200
    assert from_elsewhere(app, "/healthz") == 200
    assert from_elsewhere(app, "/verify") == 200
    assert from_elsewhere(app, "/ca") == 200


def test_the_way_to_the_desks_is_shown_where_it_leads_somewhere(app: Flask) -> None:
    client = app.test_client()
    elsewhere = {"environ_overrides": {"REMOTE_ADDR": ELSEWHERE}}
    assert "/account/login" in client.get("/verify").text
    assert "/account/login" not in client.get("/verify", **elsewhere).text
    assert "/account/login" in client.get("/verify", base_url="https://market.example", **elsewhere).text


def test_forms_work_over_https_though_pages_send_no_referrer(app: Flask) -> None:
    """Our pages say `Referrer-Policy: no-referrer`, so a check of the referrer would refuse every form."""
    client = app.test_client()
    page = client.get("/verify", base_url="https://localhost")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    sent = client.post("/verify", base_url="https://localhost", data={"csrf_token": token, "number": "1"})
    assert sent.status_code == 422


def test_threat_14_csrf_no_form_is_taken_from_another_site(stack: Stack) -> None:
    order_id = stack.place(3010)["order_id"]
    stranger = Phone(stack)
    foreign = stranger.form_token("/s/A01")
    before = digest(stack)
    for path, data in {
        "/s/A01": {"amount_yuan": "1"},
        f"/o/{order_id}/check": {},
        f"/o/{order_id}/invoice": {"kind": "individual"},
        "/verify": {"number": "1"},
    }.items():
        for tokens in ({}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": foreign}):
            answer = ask(stack, "POST", path, data=data | tokens, headers={"Accept": "text/html"})
            assert answer.status_code == 400, (path, tokens)
            assert not INNARDS.search(answer.text)
    assert digest(stack) == before


# -- what is typed ---------------------------------------------------------------------------------

SQL = (
    "'",
    "';DROP TABLE invoices;--",
    "' OR '1'='1",
    "1) OR (1=1",
    "\\'",
    "%' AND 1=pg_sleep(5)--",
    "$1",
    ":code",
)


def test_threat_6_erpnext_cve_2026_44446_sql_in_every_path_query_and_field(stack: Stack) -> None:
    order_id, issued = invoice_for(stack, 3020)
    before = digest(stack)
    number = issued["number"]
    for sql in SQL:
        quoted = requests.utils.quote(sql, safe="")
        for place in ("/s/", "/o/", "/i/", "/api/v1/stalls/", "/api/v1/orders/", f"/o/{order_id}"):
            answer = ask(stack, "GET", place + quoted, headers={"Accept": "text/html"})
            assert answer.status_code == 404, place + quoted
        bearer = {"Authorization": f"Bearer {sql}"}
        assert ask(stack, "GET", f"/api/v1/invoices/{number}", headers=bearer).status_code == 404
        for path in ("/", "/verify", "/s/A01"):
            assert (
                ask(stack, "GET", path, params={"lang": sql, "number": sql, "sort": sql}).status_code == 200
            )
        for path, body in {
            "/api/v1/stalls/A01/orders": {"lines": [{"sku": sql, "quantity": sql}]},
            f"/api/v1/orders/{order_id}/invoice": {"buyer": {"kind": sql, "name": sql, "tax_id": sql}},
        }.items():
            key = {"Idempotency-Key": sql}
            assert ask(stack, "POST", path, json=body, headers=key).status_code == 422
        assert ask(stack, "POST", f"/payments/{quoted}/notify", data=sql).status_code == 404
    assert digest(stack) == before


def test_threat_6_sql_as_a_name_or_key_is_a_name_or_key(stack: Stack) -> None:
    """Where text is free it is kept to the letter."""
    key = {"Idempotency-Key": SQL[1]}
    first, again = (
        ask(stack, "POST", "/api/v1/stalls/A01/orders", json={"amount_fen": 3021}, headers=key) for _ in "12"
    )
    assert first.json() == again.json()
    _, issued = invoice_for(stack, 3022, kind="organization", name=SQL[1], tax_id=USCC)
    assert stack.get_file(issued, "").json()["buyer_name"] == SQL[1]


@pytest.mark.parametrize("language", [CHINESE, ENGLISH])
def test_threat_12_akaunting_cve_2026_5568_script_in_a_name_is_text(stack: Stack, language: str) -> None:
    order_id, issued = invoice_for(
        stack, 3030 + (language == ENGLISH), kind="organization", name=SCRIPT, tax_id=USCC
    )
    phone = Phone(stack, language)
    for path in (f"/i/{issued['token']}", f"/i/{issued['token']}/part", f"/o/{order_id}", "/s/A01"):
        page = phone.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
    assert "&lt;script&gt;alert(1)" in phone.get(f"/i/{issued['token']}").text
    other = stack.place(3032)["order_id"]
    stack.pay(other)
    stack.wait_paid(other)
    for form in ({"kind": "organization", "name": SCRIPT, "tax_id": SCRIPT}, {"kind": SCRIPT}):
        sent = phone.submit(f"/o/{other}/invoice", data=form)
        assert sent.status_code == 422
        assert "<script>alert" not in sent.text
        assert "<img src=x" not in sent.text
    for data in ({"amount_yuan": SCRIPT}, {"way": "goods", f"quantity-{SCRIPT}": SCRIPT}):
        assert "<script>alert" not in phone.submit("/s/A01", data=data).text
    sent = phone.submit("/verify", data={"number": SCRIPT, "date": SCRIPT, "total_yuan": SCRIPT})
    assert "<script>alert" not in sent.text
    for path in (f"/{SCRIPT}", f"/verify?x={SCRIPT}&{SCRIPT}=1", f"/s/A01?lang={SCRIPT}"):
        assert "<script>alert" not in phone.get(path).text


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/\\evil.example/x", "/%5Cevil.example/x", "///evil.example"]
)
def test_the_language_switch_never_leads_off_this_site(stack: Stack, path: str) -> None:
    """`//host/…` as an address of our own would be another site's in a link."""
    with socket.create_connection(("127.0.0.1", stack.web_port), timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert not re.search(r'href="[/\\]{2}|^Location: [/\\]{2}', answer, re.M | re.I)


TEMPLATES = (
    "{{7*7}}",
    "{% raw %}",
    "{{config}}",
    "#(7*7)",
    '#read("/etc/passwd")',
    "$7*7$",
    "*bold* _it_ `x` <l> @r",
    "\\u{41}",
    "%(x)s {x} {0}",
)


def test_threat_13_fossbilling_cve_2026_28496_template_syntax_is_text(stack: Stack) -> None:
    """Jinja's, Typst's and format's syntax stand on page and paper as they were typed."""
    for n, name in enumerate(TEMPLATES):
        _, issued = invoice_for(stack, 3040 + n, kind="individual", name=name)
        page = Phone(stack).get(f"/i/{issued['token']}")
        shown = re.sub(r"\s+", " ", page.text.replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">"))
        assert page.status_code == 200
        assert name in shown, name
        pdf = pypdf.PdfReader(io.BytesIO(stack.get_file(issued, "/pdf").content))
        printed = "".join(part.extract_text() for part in pdf.pages).replace(" ", "").replace("\n", "")
        assert name.replace(" ", "") in printed, name
        for kind in ("ubl", "flat"):
            buyer = read(stack.get_file(issued, f"/xml?format={kind}").content).buyer
            assert buyer is not None
            assert buyer["name"] == name


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A web server that should hear nothing, and what it heard."""
    heard: list[str] = []

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_PUT = do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_threat_14_erpnext_cve_2026_31017_nothing_makes_the_server_fetch(stack: Stack) -> None:
    """Addresses in names, files, headers and requests to the payment service are never called."""
    with listening() as (url, heard):
        _, issued = invoice_for(stack, 3060, kind="individual", name=f'#image("{url}/a.png") ![]({url})')
        assert stack.get_file(issued, "/pdf").content.startswith(b"%PDF")
        stack.wait_anchored(issued)
        evidence = json.loads(stack.get_file(issued, "/evidence").content)
        for epoch in evidence["issuer"]["statement"]["epochs"]:
            epoch |= {"rpc": url, "operator": url}
        ask(stack, "POST", "/api/v1/verify", json=evidence)
        for body in ({"amount_fen": 3061, "return_url": url}, {"amount_fen": 3061, "notify_url": url}):
            refusal(ask(stack, "POST", "/api/v1/stalls/A01/orders", json=body), 422, "input.invalid")
        hosts = {"Host": url.removeprefix("http://"), "X-Forwarded-Host": "evil.example", "Referer": url}
        placed = ask(stack, "POST", "/api/v1/stalls/A01/orders", json={"amount_fen": 3062}, headers=hosts)
        assert placed.json()["pay_url"].startswith(f"{stack.url}/o/")
        order_id = placed.json()["order_id"]
        cashier = ask(stack, "GET", f"/o/{order_id}/pay?return_url={url}&next={url}", headers=hosts)
        assert cashier.headers["Location"].startswith(f"http://localhost:{stack.sandbox_port}/cashier/")
        back = requests.get(cashier.headers["Location"], params={"return_url": url}, timeout=10).text
        assert url not in back
        assert f"{stack.url}/o/{order_id}" in back
        stack.pay(order_id)
        stack.wait_paid(order_id)
        merchant = provider(stack)
        request = dataclasses.replace(payment_request(stack, stack.place(3063)), return_url=f"{url}/return")
        merchant._notify_url = f"{url}/notify"
        merchant.pay_as_shopper(request)
        eventually(lambda: stack.query("SELECT status FROM orders WHERE amount_fen = 3063") == "paid")
    assert heard == []


# -- many at once ----------------------------------------------------------------------------------


def test_threat_10_cve_2026_47741_lnbank_twenty_issues_at_once_are_one_invoice(stack: Stack) -> None:
    order = stack.place(3070)
    stack.pay(order["order_id"])
    stack.wait_paid(order["order_id"])
    buyers = [{"kind": "individual", "name": "甲" if n % 4 else "乙"} for n in range(20)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda buyer: stack.issue(order["order_id"], **buyer), buyers))
    issued = [answer for answer in answers if answer.ok]
    assert [answer.status_code for answer in issued].count(201) == 1
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert len({answer.json()["number"] for answer in issued}) == 1
    assert all(answer.json()["code"] == "invoice.buyer_differs" for answer in answers if not answer.ok)
    made = """
        SELECT concat_ws(' ', count(*), count(DISTINCT number),
            (SELECT count(*) FROM outbox WHERE fact = max(number)) +
            (SELECT count(*) FROM log_entries WHERE fact = max(number)))
        FROM invoices JOIN orders ON orders.id = order_id WHERE out_trade_no = :no
    """
    assert stack.query(made, no=trade_no(stack, order)) == "1 1 1"


def test_threat_20_cve_2024_0227_numbers_cannot_be_tried_without_end(stack: Stack) -> None:
    """Look-ups are counted together, on page and API; files are not slowed down by them."""
    phone = Phone(stack)
    token = phone.form_token("/verify")
    answers = []
    for n in range(40):
        facts = {"number": f"2653900000000{n:07d}", "date": "2026-11-23", "total_yuan": "12.50"}
        if n % 2:
            answers.append(ask(stack, "POST", "/api/v1/verify", json=facts))
        else:
            answers.append(phone.post("/verify", token, data=facts))
    assert {answer.status_code for answer in answers} == {200, 429}
    assert answers[0].status_code == 200
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 8
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert ask(stack, "POST", "/api/v1/verify", files={"file": b"{}"}).status_code == 422
    assert ask(stack, "GET", "/s/A01").status_code == 200


def test_invented_methods_do_not_grow_the_metrics(stack: Stack) -> None:
    for n in range(5):
        assert ask(stack, f"INVENT{n}", "/healthz").status_code == 405
    metrics = ask(stack, "GET", "/metrics").text
    assert "INVENT" not in metrics


# -- what every answer carries, and what nothing says ----------------------------------------------


def test_every_page_carries_the_security_headers(stack: Stack) -> None:
    order_id, issued = invoice_for(stack, 3080)
    token = issued["token"]
    asset = re.search(r'src="(/static/[^"]+)"', ask(stack, "GET", "/").text)
    assert asset
    paths = [
        "/", "/s/A01", f"/o/{order_id}", f"/o/{order_id}/part", f"/i/{token}", f"/i/{token}/part",
        f"/i/{token}/pdf", f"/i/{token}/xml", f"/i/{token}/evidence", "/verify", "/api/docs", "/ca",
        "/nothing", "/s/none", "/api/v1/stalls/A01", "/api/v1/nothing", "/healthz", "/readyz", "/metrics",
        "/api/v1/openapi.json",
    ]  # fmt: skip
    for path in paths:
        headers = ask(stack, "GET", path, headers={"Accept": "text/html"}).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers
    assert ask(stack, "GET", asset[1]).headers["X-Content-Type-Options"] == "nosniff"


def test_cookies_are_kept_from_scripts_and_from_other_sites(stack: Stack) -> None:
    answers = [ask(stack, "GET", "/s/A01?lang=en")]
    phone = Phone(stack)
    answers.append(phone.submit("/s/A01", data={"amount_yuan": "1"}))
    cookies = [cookie for answer in answers for cookie in answer.raw.headers.getlist("Set-Cookie")]
    assert len(cookies) >= 2
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_secrets_reach_no_log(stack: Stack) -> None:
    """A whole journey, with refusals and a payment service that is down, leaves no secret in any log."""
    name = "思茅古道茶业有限责任公司"
    order_id, issued = invoice_for(stack, 3090, kind="organization", name=name, tax_id=USCC)
    stack.wait_anchored(issued)
    phone = Phone(stack)
    for path in (
        f"/o/{order_id}",
        f"/i/{issued['token']}",
        f"/i/{issued['token']}/pdf",
        f"/i/{issued['token']}/xml",
        f"/i/{issued['token']}/evidence",
    ):
        assert phone.get(path).status_code == 200
    ask(
        stack,
        "POST",
        f"/api/v1/orders/{order_id}/invoice",
        json={"buyer": {"kind": "individual", "name": name}},
    )
    unpaid = stack.place(3091)["order_id"]
    cashier = phone.get(f"/o/{unpaid}/pay").headers["Location"]
    forged = phone.form_token(f"/o/{unpaid}")
    stack.kill("sandbox")
    try:
        assert ask(stack, "POST", f"/sandbox/orders/{unpaid}/pay").status_code == 503
        assert phone.get(f"/o/{unpaid}/pay").status_code == 503
        assert phone.post(f"/o/{unpaid}/check", forged).status_code == 503
    finally:
        stack.start("sandbox")
    secrets = [order_id, unpaid, issued["token"], name, USCC, cashier.rsplit("/", 1)[1], stack.database_url]
    secrets += [path.read_text().strip() for path in (stack.folder / "keys").glob("*.key")]
    secrets += [
        line
        for path in stack.folder.glob("*/*.pem")
        for line in path.read_text().splitlines()
        if len(line) > 40
    ]
    logs = {log.name: log.read_text(errors="replace") for log in stack.folder.glob("*.log")}
    assert "payment.provider_unavailable" in logs["web.log"]  # something was logged at all
    found = [(log, secret[:12]) for log, text in logs.items() for secret in secrets if secret in text]
    assert found == []
    assert "***" in logs["web.log"]


def test_a_failing_statement_does_not_say_what_it_was_about(stack: Stack) -> None:
    """Exceptions of the database reach the log; the buyers in their parameters must not."""
    with stack.database() as database, database.read() as connection, pytest.raises(DataError) as caught:
        connection.execute(text("SELECT :name || (1 / 0)::text"), {"name": "普洱茶业"})
    assert "普洱茶业" not in str(caught.value)


def test_nested_json_does_not_end_the_process(stack: Stack) -> None:
    """A library raises Python's limit of recursion far above what a thread's stack holds."""
    pid = _worker(stack)
    for body in (b"[" * 400_000, b'{"a":' * 150_000, b'{"lines":' + b"[" * 400_000):
        for path in ("/api/v1/verify", "/api/v1/stalls/A01/orders"):
            answer = ask(stack, "POST", path, data=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 422)
        assert ask(stack, "POST", "/api/v1/verify", files={"file": body}).status_code == 422
    assert _worker(stack) == pid


def _worker(stack: Stack) -> int:
    (worker,) = psutil.Process(stack.processes["web"].pid).children()
    return worker.pid
