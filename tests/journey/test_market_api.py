"""The market's desk over HTTP: what a page can do a program can, within the same limits."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from invoice_service.domain.numbering import business_day
from tests.clock import Clock
from tests.people import Town, town

SCRIPT = "<script>alert(1)</script>{{7*7}}"
STALL = {"name_zh": "玉香野菜", "kind_zh": "野菜", "place_zh": "B区7排"}
PERSON = {
    "name_zh": "刀玉香",
    "taxpayer_kind": "natural_person",
    "self_produced": True,
    "tax_period": "month",
    "default_tax_class": "vegetable",
}
LIST = (
    "名称,纳税人类型,统一社会信用代码,自产,纳税期,经营类别\n王四,自然人,,是,月,蔬菜\n王五,国王,,是,月,蔬菜\n"
)
HOSTILE = ["'; DROP TABLE stalls;--", "code desc", "1 OR 1=1", "\x00", "名" * 500, "(SELECT 1)"]


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, Clock(datetime.now(UTC).replace(microsecond=0))) as made:
        yield made


def ask(place: Town, method: str, path: str, name: str = "operator", **options: Any) -> Any:
    return place.api(name, method, f"/api/v1/{path}", **options)


def get(place: Town, path: str, name: str = "operator", **query: Any) -> Any:
    return ask(place, "GET", path, name, query_string=query)


def today(place: Town) -> str:
    return business_day(place.services.clock()).isoformat()


def test_a_stall_a_vendor_and_who_sells_when(place: Town) -> None:
    added = ask(place, "POST", "market/stalls", json={"code": "B07"} | STALL)
    assert (added.status_code, added.json) == (201, {"code": "B07"})
    again = ask(place, "POST", "market/stalls", json={"code": "B07"} | STALL)
    assert (again.status_code, again.json["code"]) == (409, "stall.exists")
    vendor_id = ask(place, "POST", "market/vendors", json=PERSON).json["id"]
    hours = {"vendor_id": vendor_id, "first_day": today(place), "begins": "00:00", "ends": "00:00"}
    every_day = hours | {"weekdays": list(range(7))}
    made = ask(place, "POST", "market/stalls/B07/authorisations", json=every_day)
    assert made.status_code == 201
    overlap = ask(place, "POST", "market/stalls/A01/authorisations", json=every_day)
    assert (overlap.status_code, overlap.json["code"]) == (409, "authorisation.overlaps")
    eighth = ask(place, "POST", "market/stalls/B07/authorisations", json=hours | {"weekdays": [7]})
    assert (eighth.status_code, list(eighth.json["errors"])) == (422, ["weekdays"])

    seen = get(place, "market/stalls/B07").json
    assert (seen["line"]["state"], seen["line"]["vendor_name"]) == ("selling", "刀玉香")
    [authorisation] = seen["authorisations"]
    assert authorisation["hours"] == [{"weekday": day, "begins": 0, "ends": 1440} for day in range(7)]
    assert get(place, f"market/vendors/{vendor_id}").json["authorisations"][0]["id"] == made.json["id"]

    end = f"market/authorisations/{made.json['id']}/end"
    assert ask(place, "POST", end, json={"last_day": "2020-01-01"}).status_code == 422
    assert ask(place, "POST", end, json={"last_day": today(place)}).status_code == 204
    assert get(place, "market/stalls/B07").json["authorisations"][0]["last_day"] == today(place)

    assert ask(place, "PUT", "market/stalls/B07/open", json={"is_open": False}).status_code == 204
    assert [one["code"] for one in get(place, "market/stalls", state="closed").json["items"]] == ["B07"]
    changed = {key: value for key, value in PERSON.items() if key != "self_produced"} | {"name_zh": SCRIPT}
    assert ask(place, "PUT", f"market/vendors/{vendor_id}", json=changed).status_code == 204
    seen = get(place, f"market/vendors/{vendor_id}").json
    assert (seen["name_zh"], seen["self_produced"]) == (SCRIPT, False)


def test_a_code_is_replaced_and_the_old_one_says_so(place: Town) -> None:
    first = get(place, "market/stalls/A01").json["code_url"]
    unexplained = ask(place, "POST", "market/stalls/A01/codes", json={"reason": " "})
    assert (unexplained.status_code, unexplained.json["code"]) == (422, "stall.reason_missing")
    assert ask(place, "POST", "market/stalls/A01/codes", json={"reason": "雨"}).json == {"serial": 2}
    seen = get(place, "market/stalls/A01").json
    assert [(one["serial"], one["reason"]) for one in seen["codes"]] == [(2, None), (1, "雨")]
    shopper = place.browser()
    assert shopper.get(first.partition("/s/")[2].join(("/s/", ""))).status_code == 410
    assert shopper.get("/s/" + seen["code_url"].partition("/s/")[2]).status_code == 200


def test_pages_follow_their_cursors_to_the_end(place: Town) -> None:
    for number in range(7):
        ask(place, "POST", "market/stalls", json={"code": f"C{number}"} | STALL)
        ask(place, "POST", "market/vendors", json=PERSON | {"name_zh": f"岩{number}"})
    for path, key, sort in (("market/stalls", "code", "amount"), ("market/vendors", "id", "name")):
        whole = [one[key] for one in get(place, path, sort=sort, descending="true").json["items"]]
        assert len(whole) == 9
        cursor, found = "", []
        while cursor is not None:
            page = get(place, path, sort=sort, descending="true", limit="2", cursor=cursor).json
            found += [one[key] for one in page["items"]]
            cursor = page["next_cursor"]
        assert found == whole


@pytest.mark.parametrize("text", HOSTILE)
def test_threat_6_no_sort_filter_or_cursor_reaches_the_database(place: Town, text: str) -> None:
    for path, fields in (
        ("market/stalls", ("sort", "state", "cursor", "limit", "descending")),
        ("market/vendors", ("sort", "licence", "cursor", "limit")),
        ("market/turnover", ("by", "first_day", "last_day")),
        ("market/posters.pdf", ("size",)),
    ):
        for field in fields:
            days = {"first_day": today(place), "last_day": today(place)} if "turnover" in path else {}
            answer = get(place, path, **days | {field: text})
            assert (answer.status_code, answer.mimetype) == (422, "application/problem+json"), (path, field)
    searched = get(place, "market/stalls", search=text)
    assert (searched.status_code, searched.json["items"]) == (200, [])


def test_threat_1_an_operator_changes_nothing_of_another_market(place: Town) -> None:
    before = place.rows("SELECT * FROM stalls ORDER BY id"), place.rows("SELECT * FROM vendors ORDER BY id")
    vendor_id = place.vendors["vendor"]
    for method, path, given in (
        ("PUT", "market?market=PE01", {"name_zh": "x", "region": "530802", "address": "x"}),
        ("PUT", "market/stalls/A01", STALL),
        ("POST", "market/stalls?market=PE01", {"code": "Z1"} | STALL),
        ("POST", "market/vendors?market=PE01", PERSON),
        ("PUT", f"market/vendors/{vendor_id}", PERSON),
        ("POST", "market/stalls/A01/codes", {"reason": "x"}),
    ):
        assert ask(place, method, path, "operator_2", json=given).status_code == 404, path
    assert before == (
        place.rows("SELECT * FROM stalls ORDER BY id"),
        place.rows("SELECT * FROM vendors ORDER BY id"),
    )
    # …nor lets a vendor of its own sell at the other's stall.
    hours = {
        "vendor_id": place.vendors["vendor_2"],
        "first_day": today(place),
        "begins": "00:00",
        "ends": "00:00",
    }
    foreign = ask(place, "POST", "market/stalls/A01/authorisations", json=hours | {"weekdays": [0]})
    assert foreign.status_code == 404


def test_threat_3_and_4_exports_are_ones_own_market_and_made_anew_for_who_asks(place: Town) -> None:
    """No export is kept, so there is no file to open: another session gets its own market's, or nothing."""
    days = {"first_day": today(place), "last_day": today(place), "by": "stall"}
    own = get(place, "market/turnover.xlsx", **days)
    book = openpyxl.load_workbook(io.BytesIO(own.data))
    words = [str(cell) for row in book.worksheets[0].iter_rows(values_only=True) for cell in row if cell]
    assert not [word for word in words if "B01" in word or "篆新" in word]
    for path, query in (("market/turnover.xlsx", days), ("market/posters.pdf", {"size": "A6"})):
        assert get(place, path, "operator_2", market="PE01", **query).status_code == 404
        assert get(place, path, "vendor", **query).status_code == 403
        assert get(place, path, "nobody", **query).status_code == 401
    assert get(place, "market/posters.pdf", stall="B01").status_code == 404
    assert own.headers["Cache-Control"] == "no-store"


def test_an_export_needs_a_fresh_proof(place: Town) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.execute(text("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'"))
        uow.commit()
    refused = get(place, "market/turnover.xlsx", first_day=today(place), last_day=today(place))
    assert (refused.status_code, refused.json["code"]) == (403, "session.confirm_first")


def test_an_administrator_names_the_market(place: Town) -> None:
    unnamed = get(place, "market/overview", "admin")
    assert (unnamed.status_code, unnamed.json["code"]) == (422, "market.choose")
    assert get(place, "market/overview", "admin", market="KM01").json["market"]["name_zh"] == "篆新农贸市场"
    assert [one["code"] for one in get(place, "markets", "admin").json["items"]] == ["KM01", "PE01"]
    assert [one["code"] for one in get(place, "markets").json["items"]] == ["PE01"]


def test_a_period_is_a_year_at_the_most(place: Town) -> None:
    last = business_day(place.services.clock())
    for first_day in (last - timedelta(days=400), last + timedelta(days=1)):
        answer = get(place, "market/turnover", first_day=first_day.isoformat(), last_day=last.isoformat())
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["last_day"])


def test_a_list_is_tried_and_brought_in(place: Town) -> None:
    def send(data: bytes, **query: str) -> Any:
        files = {"file": (io.BytesIO(data), "list.csv")}
        return ask(place, "POST", "market/imports/vendors", data=files, query_string=query)

    wrong = send(LIST.encode(), dry_run="false").json
    assert (wrong["done"], wrong["rows"], [one["row"] for one in wrong["problems"]]) == (False, 2, [3])
    right = LIST.replace("国王", "自然人").encode("gb18030")
    tried = send(right).json
    assert (tried["done"], tried["added"], tried["problems"]) == (False, 2, [])
    count = "SELECT count(*) FROM vendors"
    before = place.ask(count)
    assert send(right, dry_run="false").json["done"] is True
    assert place.ask(count) == before + 2
    assert ask(place, "POST", "market/imports/vendors").status_code == 422
    assert send(right.replace("王四".encode("gb18030"), b"=1+1")).json["code"] == "sheet.formula"
    assert send(b"PK\x03\x04 no workbook").status_code == 422
