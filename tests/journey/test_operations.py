"""What operators and integrators rely on: probes, metrics, the API's description, and light pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import booleans, sampled_from
from jsonschema_rs import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation

from invoice_service.documents.xml.reading import Read, read
from invoice_service.store.unit_of_work import Database, DatabaseUnavailable
from tests import make
from tests.attack import CHINESE, ENGLISH, INNARDS, Phone, ask, refusal
from tests.stack import Stack, eventually, free_port

FIRST_LOAD_MAX_BYTES = 150_000
ROUTES = {
    "/api/v1/stalls/{code}": {"get"},
    "/api/v1/stalls/{code}/orders": {"post"},
    "/api/v1/orders/{order_id}": {"get"},
    "/api/v1/orders/{order_id}/invoice": {"post"},
    "/api/v1/invoices/{number}": {"get"},
    "/api/v1/invoices/{number}/evidence": {"get"},
    "/api/v1/invoices/{number}/pdf": {"get"},
    "/api/v1/invoices/{number}/xml": {"get"},
    "/api/v1/schemas/{name}": {"get"},
    "/api/v1/verify": {"post"},
}
"""Design, "HTTP, as others will call it": names that stay."""


@pytest.fixture(scope="module")
def issued(stack: Stack) -> dict[str, Any]:
    made = stack.invoice(1250)
    stack.wait_anchored(made)
    return made


@pytest.fixture(scope="module")
def evidence(stack: Stack, issued: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = stack.get_file(issued, "/evidence").json()
    return found


def test_healthz_says_that_the_process_lives(stack: Stack) -> None:
    answer = ask(stack, "GET", "/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_says_how_each_part_is(stack: Stack, issued: dict[str, Any]) -> None:
    ready = eventually(lambda: (found := ask(stack, "GET", "/readyz").json())["log"]["final"] >= 2 and found)
    assert ready["status"] == ready["database"] == ready["chain"]["status"] == "ok"
    assert ready["chain"]["block_number"] >= 1
    assert ready["chain"]["entries_waiting"] == 0
    assert ready["outbox"] == {"depth": 0}
    assert ready["log"]["sealed"] == ready["log"]["mined"] == ready["log"]["final"]
    assert abs(ready["clock"]["skew_ms"]) < 1_000


def test_readyz_notices_that_nothing_settles(own_stack: Stack) -> None:
    """Invoices are still issued, so it is ready; but it says what is missing."""
    own_stack.start("sandbox", "web")
    made = own_stack.invoice()
    answer = ask(own_stack, "GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["chain"]["status"] == "settler_not_running"
    assert answer.json()["outbox"] == {"depth": 2}
    assert own_stack.ledger(made)["waiting"] is True


def test_metrics_are_prometheus_text_with_our_figures(stack: Stack, issued: dict[str, Any]) -> None:
    ask(stack, "GET", "/s/A01")
    answer = ask(stack, "GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    figures = {name: family.samples[0].value for name, family in families.items() if len(family.samples) == 1}
    assert figures["log_sealed_entries"] == figures["log_mined_entries"] >= 2
    assert figures["outbox_depth"] == 0
    assert figures["chain_ok"] == 1
    counted = {
        (sample.labels["endpoint"], sample.labels["method"], sample.labels["status"]): sample.value
        for sample in families["http_requests"].samples
        if sample.name == "http_requests_total"
    }
    assert counted["shopper.stall", "GET", "200"] >= 1
    assert counted["api.issue_invoice", "POST", "201"] >= 1
    assert "http_request_seconds" in families
    assert issued["token"] not in answer.text


def test_the_api_description_is_valid_and_whole(stack: Stack) -> None:
    spec = ask(stack, "GET", "/api/v1/openapi.json").json()
    schemathesis.openapi.from_dict(spec).validate()
    assert spec["openapi"].startswith("3.")
    found = {path: operations.keys() for path, operations in spec["paths"].items()}
    for path, methods in ROUTES.items():
        assert methods <= found[path], path
    for path in ROUTES:
        for operation in spec["paths"][path].values():
            if isinstance(operation, dict) and "responses" in operation:
                assert operation["summary"], path
    assert spec["components"]["securitySchemes"]["invoiceToken"]["scheme"] == "bearer"


def test_the_api_page_shows_every_route(stack: Stack) -> None:
    page = Phone(stack).get("/api/docs").text
    for path in ROUTES:
        assert path in page


def test_xml_of_both_kinds_says_what_the_evidence_says(
    stack: Stack, issued: dict[str, Any], evidence: dict[str, Any]
) -> None:
    usual, ubl, flat = (
        stack.get_file(issued, f"/xml{query}") for query in ("", "?format=ubl", "?format=flat")
    )
    assert usual.content == ubl.content != flat.content
    for answer in (ubl, flat):
        assert read(answer.content) == Read(evidence["body"], evidence["buyer"])
        assert answer.headers["Content-Type"].startswith("application/xml")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{issued["number"]}.xml"'


FORMATS = {
    "pdf": ("/pdf", ".pdf"),
    "pdf?format=80mm": ("/pdf?format=80mm", ".80mm.pdf"),
    "pdf?format=58mm": ("/pdf?format=58mm", ".58mm.pdf"),
    "xml": ("/xml?format=ubl", ".ubl.xml"),
    "xml?format=flat": ("/xml?format=flat", ".flat.xml"),
    "evidence": ("/evidence", ".json"),
}


@pytest.mark.parametrize("link", FORMATS)
def test_the_invoice_page_links_to_each_file(stack: Stack, issued: dict[str, Any], link: str) -> None:
    phone, path = Phone(stack), f"/i/{issued['token']}/{link}"
    asked, ending = FORMATS[link]
    assert f'href="{path}"' in phone.get(f"/i/{issued['token']}").text
    saved = phone.get(path)
    assert saved.content == stack.get_file(issued, asked).content
    named = f'attachment; filename="{issued["number"]}{ending}"'
    assert saved.headers["Content-Disposition"] == named


def test_who_asks_wrongly_for_xml(stack: Stack, issued: dict[str, Any]) -> None:
    bearer = {"Authorization": f"Bearer {issued['token']}"}
    path, foreign = f"/api/v1/invoices/{issued['number']}/xml", "/api/v1/invoices/26539000000000999999/xml"
    problem = refusal(ask(stack, "GET", f"{path}?format=pdf", headers=bearer), 422, "input.invalid")
    assert problem["errors"].keys() == {"format"}
    refusal(ask(stack, "GET", f"{path}?format=pdf"), 401, "invoice.token_missing")
    refusal(ask(stack, "GET", foreign, headers=bearer), 404, "invoice.unknown")
    assert ask(stack, "GET", f"/i/{issued['token']}/xml?format=").status_code == 422


def test_schemas_are_served_and_true(stack: Stack, evidence: dict[str, Any]) -> None:
    for name, document in (("invoice", evidence["body"]), ("buyer", evidence["buyer"])):
        answer = ask(stack, "GET", f"/api/v1/schemas/{name}")
        assert answer.headers["Content-Type"].startswith("application/schema+json")
        Draft202012Validator(answer.json()).validate(document)
    refusal(ask(stack, "GET", "/api/v1/schemas/sale"), 404, "not_found")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_call_made_from_the_description_breaks_the_service(
    stack: Stack, issued: dict[str, Any], mode: GenerationMode
) -> None:
    """Schemathesis makes calls that fit the description, or just not. None may end in a server error.

    Calls for who is signed in come from an officer or an administrator, each with a session of its own.
    """
    schema = schemathesis.openapi.from_url(f"{stack.url}/api/v1/openapi.json")
    answers: list[int] = []
    with stack.database() as database:  # one for all: each call's session would else cost a new connection
        for found in schema.get_all_operations():
            operation = found.ok()
            if mode is GenerationMode.POSITIVE or operation.body:
                _call_many(stack, database, operation, mode, issued, answers)
    assert len(answers) >= 30
    assert len(set(answers)) >= 2


def _call_many(
    stack: Stack,
    database: Database,
    operation: APIOperation,
    mode: GenerationMode,
    issued: dict[str, Any],
    answers: list[int],
) -> None:
    order_id = stack.place(700)["order_id"]
    known = {"code": "A01", "order_id": order_id, "number": issued["number"]}
    is_for_people = "sessionToken" in str(operation.definition.raw.get("security", ""))

    # Where all that varies is an address, half as many calls meet every case.
    @settings(
        max_examples=12 if operation.body else 6,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @seed(2026)
    @given(
        case=operation.as_strategy(generation_mode=mode),
        at_home=booleans(),
        role=sampled_from(["officer", "admin"]),
    )
    def call(case: schemathesis.Case, at_home: bool, role: str) -> None:
        if at_home:  # a stall, order or invoice that exists: the call gets further
            case.path_parameters = {name: known.get(name, 1) for name in case.path_parameters}
        token = _session(database, role) if is_for_people else issued["token"]
        case.headers["Authorization"] = f"Bearer {token}"
        answer = case.call(timeout=20)
        answers.append(answer.status_code)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)

    call()


def _session(database: Database, role: str) -> str:
    with database.unit_of_work() as uow:
        token = make.signed_in(uow.connection, make.account(uow.connection, role), confirmed=True)
        uow.commit()
    return token


def test_the_first_page_is_light(stack: Stack) -> None:
    """HTML, style and script of the stall page as they cross the air, without the framework's style."""
    with requests.Session() as session:
        session.headers.update({"Accept-Encoding": "br", "Accept-Language": "zh-CN"})
        page = session.get(f"{stack.url}/s/A01", timeout=10, stream=True)
        html = page.raw.read(decode_content=False)
        text = requests.get(f"{stack.url}/s/A01", timeout=10).text
        assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
        assert any(".js" in asset for asset in assets)
        total = len(html)
        for asset in assets:
            answer = session.get(stack.url + asset, timeout=10, stream=True)
            size = len(answer.raw.read(decode_content=False))
            assert answer.headers["Content-Encoding"] == "br", asset
            assert "immutable" in answer.headers["Cache-Control"]
            total += 0 if "weui" in asset else size
    assert total <= FIRST_LOAD_MAX_BYTES
    assert not re.search(r'(?:href|src)="https?://(?!localhost)', text)


def test_no_free_connection_is_told_as_such(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a rush that the pool cannot serve, people are asked to try again."""
    database = Database(stack.database_url, pool_size=1)
    monkeypatch.setattr(database.engine.pool, "_timeout", 0.01)
    try:
        with database.read(), pytest.raises(DatabaseUnavailable), database.read():
            pass
    finally:
        database.dispose()


def test_without_a_database_it_is_not_ready(own_stack: Stack) -> None:
    """And says so, in words for programs and for people; the database's password stays out of the log."""
    own_stack.extra["DATABASE_URL"] = f"postgresql+psycopg://market:geheim@127.0.0.1:{free_port()}/market"
    own_stack.start("web")
    assert ask(own_stack, "GET", "/healthz").status_code == 200
    for path in ("/readyz", "/metrics", "/api/v1/stalls/A01"):
        answer = ask(own_stack, "GET", path, headers={"Accept": "application/json"})
        refusal(answer, 503, "database.unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    pages = [Phone(own_stack, language).get("/s/A01") for language in (CHINESE, ENGLISH)]
    assert [page.status_code for page in pages] == [503, 503]
    assert "Nothing was lost" in pages[1].text
    assert "Nothing was lost" not in pages[0].text
    assert not any(INNARDS.search(page.text) for page in pages)
    assert "geheim" not in own_stack.log("web")
