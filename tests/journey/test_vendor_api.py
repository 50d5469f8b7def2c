"""A vendor's affairs over HTTP: bearer sessions, cursors, hostile values, a workbook without formulas."""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.flow import issue, order, pay
from tests import make
from tests.clock import Clock
from tests.flow.test_rollups import PaysWhenAsked
from tests.people import Town, town

CHANNEL = "pays-when-asked"


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    with town(tmp_path, migrated_database_url, clock) as made:
        with made.services.database.unit_of_work() as uow:  # nothing was ordered yet
            uow.connection.execute(text("DELETE FROM order_lines"))
            uow.connection.execute(text("DELETE FROM orders"))
            uow.commit()
        provider: Any = PaysWhenAsked(clock)
        services = replace(made.services, providers={provider.name: provider})
        yield replace(made, services=services)


def sell(place: Town, amount_fen: int, stall: str = "A01") -> None:
    placed = order.place(place.services, stall, PlainAmount(amount_fen))
    pay.start(place.services, placed.token, CHANNEL)
    pay.check(place.services, placed.token)
    issue.issue(place.services, placed.token, make_buyer("individual", "", None))


def get(place: Town, path: str, name: str = "vendor", **query: Any) -> Any:
    return place.api(name, "GET", f"/api/v1/vendor/{path}", query_string=query)


def stale(place: Town) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.execute(text("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'"))
        uow.commit()


def test_a_sale_is_keyed_paid_and_seen(place: Town) -> None:
    key = {"Idempotency-Key": secrets.token_hex(16)}
    wanted = {
        "lines": [{"sku": "pakchoi", "quantity": "1.5"}, {"amount_fen": 1_234}],
        "rounding": "yuan",
    }
    made = place.api("vendor", "POST", "/api/v1/vendor/keyed-sales", json=wanted, headers=key)
    again = place.api("vendor", "POST", "/api/v1/vendor/keyed-sales", json=wanted, headers=key)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json["order_id"] == again.json["order_id"]
    assert made.json["amount_fen"] == 1_700
    token = made.json["order_id"]
    assert made.json["pay_url"].endswith(f"/o/{token}")
    shown = place.api("nobody", "GET", f"/api/v1/orders/{token}").json
    assert (shown["amount_fen"], shown["rounded_off_fen"]) == (1_700, 14)
    assert "Rounded down" in place.browser().get(f"/o/{token}?lang=en").text
    pay.start(place.services, token, CHANNEL)
    pay.check(place.services, token)
    today = get(place, "today").json
    assert (today["figures"]["amount_fen"], today["last"][0]["is_keyed"]) == (1_700, True)
    found = get(place, f"orders/{today['last'][0]['order_id']}").json
    assert [line["quantity"] for line in found["lines"]] == ["1.5", "1"]
    assert found["payments"][0]["amount_fen"] == 1_700


def test_pages_follow_their_cursors_to_the_end(place: Town) -> None:
    for n in range(5):
        sell(place, 100 + n)
    for path, field in (("orders", "amount_fen"), ("invoices", "total_fen")):
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = get(place, path, limit=2, **({"cursor": cursor} if cursor else {})).json
            seen += [item[field] for item in page["items"]]
            cursor = page["next_cursor"]
        assert sorted(seen) == [100, 101, 102, 103, 104], path
    assert [item["amount_fen"] for item in get(place, "orders", amount_fen=103).json["items"]] == [103]


def _cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("orders", {"status": "paid' OR '1'='1"}),
        ("orders", {"status": "\x00"}),
        ("orders", {"amount_fen": "1 OR 1=1"}),
        ("orders", {"amount_fen": str(10**30)}),
        ("orders", {"from_day": "2026-02-30"}),
        ("orders", {"from_day": "0001-01-01"}),
        ("orders", {"to_day": "9999-12-31"}),
        ("orders", {"limit": "101"}),
        ("orders", {"limit": "-1"}),
        ("orders", {"cursor": "'; DROP TABLE orders; --"}),
        ("orders", {"cursor": _cursor("1' OR '1'='1")}),
        ("orders", {"cursor": _cursor("a", "b")}),
        ("invoices", {"cursor": _cursor("2026-11-23T00:00:00+00:00", "\x00")}),
        ("invoices", {"cursor": _cursor("infinity", "1")}),
        ("invoices", {"cursor": _cursor(1, 2)}),
        ("sales", {"period": "decade"}),
        ("sales", {"period": "day", "day": "9999-12-31"}),
        ("days/2026-13-01", {}),
        ("days/9999-12-31", {}),
        ("summary/2026-00", {}),
        ("summary/0001-01", {}),
        ("summary/x.xlsx", {}),
    ],
)
def test_threat_6_hostile_filters_cursors_and_days(place: Town, path: str, query: dict[str, str]) -> None:
    answer = get(place, path, **query)
    assert answer.status_code == 422, answer.text
    assert answer.json["code"]
    assert place.ask("SELECT count(*) FROM stalls") == 3


@pytest.mark.parametrize("sku", ["%00", "'; DROP TABLE goods; --", "%E2%80%AE", "x" * 500])
def test_threat_6_hostile_names_of_goods(place: Town, sku: str) -> None:
    path = f"/api/v1/vendor/goods/{sku}/available"
    assert place.api("vendor", "PUT", path, json={"available": False}).status_code == 404


def test_threats_3_and_4_what_is_next_door_is_not_there(place: Town) -> None:
    sell(place, 999, "A02")
    (theirs,) = get(place, "orders", "next_door").json["items"]
    assert get(place, f"orders/{theirs['order_id']}").status_code == 404
    for name in ("vendor", "vendor_2"):
        assert get(place, "orders", name).json["items"] == []
        assert get(place, "invoices", name).json["items"] == []
    month = f"{place.services.clock().astimezone(SHANGHAI):%Y-%m}"
    assert get(place, f"summary/{month}").json["total"]["orders"] == 0
    assert get(place, f"summary/{month}", "next_door").json["total"]["orders"] == 1


def test_prices_exports_and_the_days_end_need_a_fresh_proof(place: Town) -> None:
    stale(place)
    day = place.services.clock().astimezone(SHANGHAI).date()
    base = "/api/v1/vendor"
    for method, path, body in (
        ("PUT", f"{base}/goods/pakchoi/price", {"price_fen": 1, "expected_price_fen": 320}),
        ("DELETE", f"{base}/goods/pakchoi", None),
        ("POST", f"{base}/days/{day}/closes", {"stated_fen": {}, "cash_fen": 0}),
        ("GET", f"{base}/summary/{day:%Y-%m}.xlsx", None),
    ):
        answer = place.api("vendor", method, path, json=body)
        assert (answer.status_code, answer.json["code"]) == (403, "session.confirm_first"), path
    off = place.api("vendor", "PUT", f"{base}/goods/pakchoi/available", json={"available": False})
    assert off.status_code == 204
    assert get(place, "goods").json["items"][0]["available"] is False
    assert place.ask("SELECT count(*) FROM access_records WHERE action = 'goods.change'") == 1


def test_a_price_that_changed_meanwhile_is_409(place: Town) -> None:
    path = "/api/v1/vendor/goods/pakchoi/price"
    body = {"price_fen": 330, "expected_price_fen": 320}
    assert place.api("vendor", "PUT", path, json=body).status_code == 204
    answer = place.api("vendor", "PUT", path, json=body)
    assert (answer.status_code, answer.json["code"]) == (409, "goods.changed")


def test_a_day_is_closed_over_http(place: Town) -> None:
    sell(place, 1_000)
    day = place.services.clock().astimezone(SHANGHAI).date()
    body = {"stated_fen": {CHANNEL: 900}, "cash_fen": 50, "note": "风大"}
    closed = place.api("vendor", "POST", f"/api/v1/vendor/days/{day}/closes", json=body)
    assert (closed.status_code, closed.json["difference_fen"]) == (201, {CHANNEL: -100})
    shown = get(place, f"days/{day}").json
    assert (shown["closes"][0]["note"], shown["channels"][0]["difference_fen"]) == ("风大", -100)
    tomorrow = day + timedelta(days=1)
    late = place.api("vendor", "POST", f"/api/v1/vendor/days/{tomorrow}/closes", json=body)
    assert (late.status_code, late.json["code"]) == (409, "day_close.to_come")


def test_the_threshold_says_what_it_rests_on(place: Town) -> None:
    sell(place, 1_000)
    found = get(place, "threshold").json
    assert (found["gauge"]["state"], found["gauge"]["used_fen"]) == ("below", 1_000)
    assert found["rule"]["basis"] == "财政部 税务总局公告2026年第10号"
    assert found["rule"]["counts_confirmed"] is False
    assert found["rule_text"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_threat_11_no_cell_of_a_months_workbook_is_a_formula(place: Town, name: str) -> None:
    with place.services.database.unit_of_work() as uow:
        rename = "UPDATE vendors SET default_name_zh = :n, default_name_en = :n, name_en = :n, name_zh = :n"
        uow.connection.execute(text(rename), {"n": name})
        uow.commit()
    sell(place, 1_234)
    month = f"{place.services.clock().astimezone(SHANGHAI):%Y-%m}"
    answer = get(place, f"summary/{month}.xlsx")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="sales-{month}.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    days, goods = book.worksheets
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert goods["A2"].value == name
    assert (goods["E2"].value, days.cell(days.max_row, 3).value) == (12.34, 12.34)
    assert place.ask("SELECT count(*) FROM access_records WHERE action = 'export' AND role = 'vendor'") == 1


def test_threat_5_no_door_of_a_vendor_opens_to_others(place: Town) -> None:
    for name, status in (("nobody", 401), ("operator", 403), ("officer", 403), ("admin", 403)):
        assert get(place, "today", name).status_code == status
    assert make.CABBAGE not in get(place, "today", "operator").text
