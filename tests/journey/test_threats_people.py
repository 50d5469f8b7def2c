"""What has gone wrong where several markets share one service, tried on ours: threats 1 to 5.

Who may open which door is in `test_roles_and_routes.py`; here is what stands behind the doors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, text

from invoice_service import logs
from invoice_service.flow import close_access_day, invite, look, seal
from invoice_service.ledger import canonical, tree
from invoice_service.ledger.entry import Entry, body_commitment
from invoice_service.ledger.proof import includes
from invoice_service.store import passkeys
from tests import make
from tests.people import SIGNED_IN, Town, town

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
A_DAY = {"first_day": "2026-11-01", "last_day": "2026-11-01"}
REASON = "抽查 2026-11"
VENDORS = ("vendor", "next_door", "vendor_2")


@pytest.fixture
def here(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url) as made:
        yield made


def ids(here: Town, name: str, path: str, **query: str) -> list[int]:
    """Every id in a list, page by page."""
    found: list[int] = []
    cursor = ""
    while True:
        answer = here.api(name, "GET", path, query_string=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found += [item["id"] for item in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if not cursor:
            return found


def people_of(here: Town) -> list[Any]:
    return here.rows("SELECT * FROM accounts ORDER BY id") + here.rows(
        "SELECT id, account_id, ended_at FROM sessions ORDER BY id"
    )


# -- 1: an operator edits a user of another market ------------------------------------------------------


@pytest.mark.parametrize("target", [name for name in SIGNED_IN if name not in ("vendor_2", "operator_2")])
def test_threat_1_invoiceshelf_cve_2026_55610_an_operator_edits_a_user_of_another_market(
    here: Town, target: str
) -> None:
    """Nor an officer, nor an administrator: to an operator whom he cannot invite, they do not exist."""
    account = here.accounts[target]
    session = here.ask("SELECT id FROM sessions WHERE account_id = :a", a=account)
    before = people_of(here)
    for method, path in (
        ("POST", f"/api/v1/accounts/{account}/invitations"),
        ("DELETE", f"/api/v1/accounts/{account}/invitations"),
        ("GET", f"/api/v1/accounts/{account}/sessions"),
        ("DELETE", f"/api/v1/accounts/{account}/sessions"),
        ("DELETE", f"/api/v1/accounts/{account}/sessions/{session}"),
        ("DELETE", f"/api/v1/accounts/{account}"),
    ):
        answer = here.api("operator_2", method, path)
        unknown = here.api("operator_2", method, path.replace(f"/{account}", "/987654321"))
        assert answer.status_code == 404, (method, path)
        assert answer.json == unknown.json, "the answer tells that there is such an account"
    assert people_of(here) == before
    assert here.api(target, "GET", "/api/v1/session").status_code == 200


def test_threat_1_an_account_is_not_put_into_another_market(here: Town) -> None:
    before = people_of(here)
    for given in (
        {"role": "operator", "market_id": here.markets[1]},
        {"role": "officer", "region": "53"},
        {"role": "admin"},
        {"role": "vendor", "market_id": here.markets[2]},
        {"role": "root", "market_id": here.markets[2]},
        {"role": "operator", "market_id": here.markets[2], "vendor_id": here.vendors["vendor"]},
    ):
        sent = here.api(
            "operator_2", "POST", "/api/v1/accounts", json=given | {"name": "x", "login": "new.one"}
        )
        assert sent.status_code in (403, 404, 422), given
    assert people_of(here) == before


def test_threat_1_a_session_of_one_account_is_not_ended_as_anothers(here: Town) -> None:
    session = here.ask("SELECT id FROM sessions WHERE account_id = :a", a=here.accounts["vendor"])
    mine = here.accounts["vendor_2"]
    answer = here.api("operator_2", "DELETE", f"/api/v1/accounts/{mine}/sessions/{session}")
    assert answer.status_code == 404
    assert here.api("vendor", "GET", "/api/v1/session").status_code == 200


def test_closing_an_account_ends_what_it_has_open(here: Town) -> None:
    account = here.accounts["vendor"]
    link = here.api("operator", "POST", f"/api/v1/vendors/{here.vendors['vendor']}/invitations").json["link"]
    assert here.api("operator", "DELETE", f"/api/v1/accounts/{account}").status_code == 204
    assert here.api("vendor", "GET", "/api/v1/session").status_code == 401
    assert here.browser().get(link.replace(here.services.config.public_url, "")).status_code == 410
    assert here.api("operator", "DELETE", f"/api/v1/accounts/{account}").status_code == 409
    own = here.api("operator", "DELETE", f"/api/v1/accounts/{here.accounts['operator']}")
    assert (own.status_code, own.json["code"]) == (409, "account.not_yourself")
    again = here.api("operator", "POST", f"/api/v1/vendors/{here.vendors['vendor']}/invitations")
    assert again.status_code == 201
    assert here.ask("SELECT disabled_at FROM accounts WHERE id = :a", a=account) is None


# -- 3: a list wider than its owner's scope ------------------------------------------------------------


def test_threat_3_pretix_cve_2026_5600_a_list_of_accounts_wider_than_its_owners_scope(here: Town) -> None:
    market_1 = {here.accounts[name] for name in ("vendor", "next_door", "operator")}
    assert set(ids(here, "operator", "/api/v1/accounts")) == market_1
    assert set(ids(here, "operator", "/api/v1/accounts", limit="1", state="all")) == market_1
    assert set(ids(here, "operator", "/api/v1/accounts", role="officer")) == set()
    vendor_2 = str(here.vendors["vendor_2"])
    assert ids(here, "operator", "/api/v1/accounts", vendor_id=vendor_2) == []
    assert set(ids(here, "admin", "/api/v1/accounts", limit="2")) == set(here.accounts.values())


def looks(here: Town) -> None:
    """Each officer looks at the vendors of his region; operators invite."""
    for name, vendor in (("officer", "vendor"), ("officer", "next_door"), ("officer_2", "vendor_2")):
        look.at_vendor(here.services, here.actor(name), here.vendors[vendor], f"{REASON} {vendor}")
    for name, vendor in (("operator", "next_door"), ("operator_2", "vendor_2")):
        invite.invite_phone(here.services, here.actor(name), here.vendors[vendor])


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("vendor", "vendor_id = :vendor"),
        ("next_door", "vendor_id = :next_door"),
        ("vendor_2", "vendor_id = :vendor_2"),
        ("operator", "market_id = :one"),
        ("operator_2", "market_id = :two"),
        ("officer", "role = 'officer' AND who = 'officer'"),
        ("officer_2", "role = 'officer' AND who = 'officer_2'"),
        ("admin", "TRUE"),
    ],
)
def test_threat_3_pretix_cve_2026_5600_an_access_record_wider_than_its_readers_concern(
    here: Town, name: str, condition: str
) -> None:
    looks(here)
    values = {**here.vendors, "one": here.markets[1], "two": here.markets[2]}
    sql = f"SELECT id FROM access_records WHERE {condition} ORDER BY id DESC"  # noqa: S608 - from this file
    expected = [row["id"] for row in here.rows(sql, **values)]
    assert len(expected) >= 2 or name == "officer_2"
    assert ids(here, name, "/api/v1/access-records") == expected
    assert ids(here, name, "/api/v1/access-records", limit="1") == expected
    others = ids(here, name, "/api/v1/access-records", whose="others")
    own = {row["id"] for row in here.rows("SELECT id FROM access_records WHERE who = :n", n=name)}
    assert others == [each for each in expected if each not in own]
    page = here.browser(name).get("/account/records?whose=all")
    assert page.status_code == 200
    for vendor in VENDORS:
        shown = f"{REASON} {vendor}<" in page.text
        assert shown is any(
            row["id"] in expected
            for row in here.rows("SELECT id FROM access_records WHERE reason = :r", r=f"{REASON} {vendor}")
        )


# -- 4: a file opened by someone else -------------------------------------------------------------------


def test_threat_4_pretix_cve_2026_9712_a_proof_opened_by_someone_else(here: Town) -> None:
    """A record's proof is a file to keep and show; it opens for those whom the record concerns."""
    record = here.ask("SELECT min(id) FROM access_records")
    for name in SIGNED_IN:
        allowed = name in ("vendor", "operator", "admin")
        answer = here.api(name, "GET", f"/api/v1/access-records/{record}/proof")
        assert answer.status_code == (409 if allowed else 404), name  # 409: its day is not over


def at_that_time(connection: Connection, now: datetime) -> None:
    """Everybody signed in then, whenever this test runs."""
    moved = text("UPDATE sessions SET created_at = :now, seen_at = :now, expires_at = :ends")
    connection.execute(moved, {"now": now, "ends": now + timedelta(days=9)})


# -- looking at a vendor ------------------------------------------------------------------------------


def test_a_record_is_proven_from_the_api_to_the_log(tmp_path: Path, migrated_database_url: str) -> None:
    """What the vendor gets from the API suffices to show the look to anybody who has the log's entry."""
    now = [NOON]
    with town(tmp_path, migrated_database_url, lambda: now[0]) as here:
        with here.services.database.unit_of_work() as uow:
            at_that_time(uow.connection, NOON)
            uow.commit()
        looks(here)
        record = here.api("vendor", "GET", "/api/v1/access-records").json["items"][0]
        now[0] = NOON + timedelta(days=1)
        close_access_day.close_ended(here.services)
        seal.seal(here.services)
        shown = here.api("vendor", "GET", f"/api/v1/access-records/{record['id']}/proof").json
        entry = Entry.decode(here.ask("SELECT entry FROM log_entries WHERE index = :i", i=shown["log_index"]))
    leaf = tree.leaf_hash(canonical.encode(shown["record"]))
    path, root = [bytes.fromhex(step) for step in shown["path"]], bytes.fromhex(shown["body"]["root"])
    assert includes(leaf, shown["index"], shown["size"], path, root)
    body = canonical.encode(shown["body"])
    assert entry.body_commitment == body_commitment(bytes.fromhex(shown["salt"]), body)
    assert (shown["record"]["reason"], shown["record"]["role"]) == (f"{REASON} vendor", "officer")


@pytest.mark.parametrize("reason", ["", " ", "abc", "  abc  ", "x" * 201, "抽查\n核对", "ab\u202ecd"])
def test_no_look_without_a_reason(here: Town, reason: str) -> None:
    path = f"/api/v1/supervision/vendors/{here.vendors['vendor']}"
    answer = here.api("officer", "POST", f"{path}/looks", json={"reason": reason})
    assert (answer.status_code, answer.json["code"]) == (422, "access.reason_missing")
    for below in ("", "/sales"):
        answer = here.api("officer", "GET", path + below, query_string=A_DAY)
        assert (answer.status_code, answer.json["code"]) == (403, "look.say_why")
        assert "amount_fen" not in answer.text
    assert here.ask("SELECT count(*) FROM access_records WHERE action = 'vendor.look'") == 0


def test_no_figures_without_a_record(here: Town) -> None:
    """Where the look cannot be written down nothing is shown."""
    with here.services.database.unit_of_work() as uow:
        uow.connection.execute(
            text(
                "ALTER TABLE access_records ADD CONSTRAINT no_room CHECK (action <> 'vendor.look') NOT VALID"
            )
        )
        uow.commit()
    path = f"/api/v1/supervision/vendors/{here.vendors['vendor']}"
    assert here.api("officer", "POST", f"{path}/looks", json={"reason": REASON}).status_code == 500
    answer = here.api("officer", "GET", path, query_string=A_DAY)
    assert (answer.status_code, answer.json["code"]) == (403, "look.say_why")


def test_an_officer_sees_this_month_and_today_and_the_vendor_sees_the_look(
    tmp_path: Path, migrated_database_url: str
) -> None:
    """At 00:30 on the 1st of December in Shanghai: November's last hour is not of the month."""
    now = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
    with town(tmp_path, migrated_database_url, lambda: now) as here:
        with here.services.database.unit_of_work() as uow:
            stall = make.stall(uow.connection, here.markets[1], None, code="A09")
            for hour, amount in ((15, 100), (16, 20)):
                uow.connection.execute(
                    text("""
                        INSERT INTO vendor_hours VALUES
                        (:vendor, :hour, :stall, :market, 1, :amount, :amount, 0, 0, 1, :amount)
                    """),
                    {
                        "vendor": here.vendors["vendor"],
                        "hour": now.replace(hour=hour, minute=0),
                        "stall": stall,
                        "market": here.markets[1],
                        "amount": amount,
                    },
                )
            at_that_time(uow.connection, now)
            uow.commit()
        path = f"/api/v1/supervision/vendors/{here.vendors['vendor']}"
        looked = here.api("officer", "POST", f"{path}/looks", json={"reason": f" {REASON} "})
        assert (looked.status_code, looked.json["until"]) == (201, "2026-11-30T17:00:00.000Z")
        month = {"first_day": "2026-12-01", "last_day": "2026-12-01"}
        answer = here.api("officer", "GET", path, query_string=month)
        seen = here.api("vendor", "GET", "/api/v1/access-records").json["items"][0]
    assert answer.status_code == 200
    total = answer.json["sources"]["total"]
    assert (total["figures"]["amount_fen"], total["before"]["amount_fen"]) == (20, 100)
    assert (answer.json["seller"]["tax_id"], answer.json["market"]["region"]) == (
        "92532528MA6L45LX6L",
        "530802",
    )
    assert (seen["action"], seen["role"], seen["who"], seen["reason"]) == (
        "vendor.look",
        "officer",
        "officer",
        REASON,
    )


# -- what is sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/accounts", {"role": "vendor' OR '1'='1"}),
        ("/api/v1/accounts", {"state": "open;--"}),
        ("/api/v1/accounts", {"vendor_id": "1 OR 1=1"}),
        ("/api/v1/accounts", {"cursor": "' OR 1=1 --"}),
        ("/api/v1/accounts", {"cursor": "WyItMSJd"}),
        ("/api/v1/accounts", {"limit": "101"}),
        ("/api/v1/accounts", {"limit": "-1"}),
        ("/api/v1/access-records", {"whose": "everybody's"}),
        ("/api/v1/access-records", {"cursor": "WyIxIiwiMiJd"}),
        ("/api/v1/access-records", {"limit": "0"}),
        ("/account/records", {"whose": "x' OR 1=1"}),
        ("/account/records", {"cursor": "x"}),
    ],
)
def test_threat_6_erpnext_cve_2026_44446_sql_through_filters_cursors_and_limits(
    here: Town, path: str, query: dict[str, str]
) -> None:
    if path.startswith("/api/"):
        answer = here.api("admin", "GET", path, query_string=query)
    else:
        answer = here.browser("admin").get(path, query_string=query)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("text_sent", ["\x00", "\ud800", "' OR 1=1 --", "x" * 100_000, "<script>"])
def test_hostile_text_at_the_doors_of_people(here: Town, text_sent: str) -> None:
    signing_in = {"login": text_sent, "password": text_sent, "totp": text_sent}
    inviting = {"role": "admin", "name": text_sent, "login": text_sent, "region": text_sent}
    for name, path, given in (("nobody", "session", signing_in), ("admin", "accounts", inviting)):
        sent = here.api(
            name, "POST", f"/api/v1/{path}", data=json.dumps(given), content_type="application/json"
        )
        assert sent.status_code == 422, (path, sent.text)


def test_a_session_by_api_needs_a_second_factor(here: Town) -> None:
    answer = here.api("nobody", "POST", "/api/v1/session", json={"login": "admin", "password": "x"})
    assert answer.status_code == 422
    assert "totp" in answer.json["errors"]
    who = here.api("operator", "GET", "/api/v1/session").json
    assert (who["role"], who["market_id"], who["vendor_id"]) == ("operator", here.markets[1], None)
    assert here.api("operator", "DELETE", "/api/v1/session").status_code == 204
    assert here.api("operator", "GET", "/api/v1/session").status_code == 401


@pytest.mark.parametrize("number", ["0", str(2**63 - 1), str(2**63), "9" * 5000, "-1", "1.5", "１"])
def test_numbers_that_no_account_has(here: Town, number: str) -> None:
    for path in (f"/api/v1/accounts/{number}/sessions", f"/api/v1/access-records/{number}/proof"):
        assert here.api("admin", "GET", path).status_code == 404, path


# -- what stays behind ----------------------------------------------------------------------------------


def test_an_invitation_in_an_address_stays_out_of_the_log(here: Town) -> None:
    link = here.api("operator", "POST", f"/api/v1/vendors/{here.vendors['vendor']}/invitations").json["link"]
    token = link.rsplit("/", 1)[1]
    for path in (f"/account/bind/{token}", f"/account/set-up/{token}/passkey", f"/vendor/key/{token}/part"):
        assert token not in logs.mask(None, "error", {"path": path})["path"]


def test_a_forgotten_pin_leaves_no_passkey_behind(here: Town) -> None:
    """Who had got into a vendor's account could otherwise come back with the passkey that they left there."""
    with here.services.database.unit_of_work() as uow:
        for name in ("vendor", "next_door"):
            left = {"id": name.encode(), "account_id": here.accounts[name], "public_key": b"k"}
            row = left | {"sign_count": 0, "name": "phone", "created_at": NOON, "last_used_at": None}
            passkeys.add(uow.connection, row)
        uow.commit()
    invite.invite_phone(here.services, here.actor("operator"), here.vendors["vendor"])
    assert here.ask("SELECT count(*) FROM passkeys") == 2
    invite.invite_phone(here.services, here.actor("operator"), here.vendors["vendor"], forget_pin=True)
    assert here.rows("SELECT account_id FROM passkeys") == [{"account_id": here.accounts["next_door"]}]


def test_a_vendors_figures_beside_a_refused_form_are_a_look_too(here: Town) -> None:
    page = here.browser("operator").post(f"/market/vendors/{here.vendors['vendor']}", data={"name_zh": ""})
    assert page.status_code == 422
    looks_at = "SELECT count(*) FROM access_records WHERE action = 'vendor.look' AND vendor_id = :v"
    assert here.ask(looks_at, v=here.vendors["vendor"]) == 1


@pytest.mark.parametrize("number", ["", "x", "-1", "²", "9" * 19, "9" * 5000])
def test_numbers_in_the_desks_forms_that_nobody_has(here: Town, number: str) -> None:
    desk = here.browser("operator")
    hours = {"first_day": "2030-01-01", "begins": "06:00", "ends": "12:00", "weekdays": "1"}
    sent = desk.post("/market/stalls/A01/authorise", data=hours | {"vendor_id": number})
    assert sent.status_code == 404
    session = here.ask("SELECT id FROM sessions WHERE account_id = :a", a=here.accounts["vendor"])
    path = f"/market/vendors/{here.vendors['vendor']}/sessions/{session}/end"
    assert desk.post(path, data={"account_id": number}).status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_refused(here: Town, day: str) -> None:
    desk = here.browser("operator")
    for asked in ({"last_day": day}, {"first_day": day, "last_day": day}):
        for path in ("/market/turnover", "/market/turnover.xlsx"):
            assert desk.get(path, query_string=asked).status_code == 422, (path, asked)


@pytest.mark.parametrize("code", ["a\x00b", "\x00"])
def test_codes_that_no_database_keeps_are_of_nothing(here: Town, code: str) -> None:
    assert here.browser("operator").get(f"/market/stalls/{code}").status_code == 404
    assert here.browser("admin").post("/market/choose", data={"code": code}).status_code == 404


def test_a_forged_field_does_not_become_part_of_the_way_back(here: Town) -> None:
    with here.services.database.unit_of_work() as uow:
        uow.connection.execute(text("UPDATE sessions SET confirmed_at = NULL"))
        uow.commit()
    typed = {"day": "2026-11-22", "cash_yuan": "1", "stated-sandbox": "2", "endpoint": "x", "_external": "1"}
    sent = here.browser("vendor").post("/vendor/close", data=typed)
    assert sent.status_code == 303
    way_back = parse_qs(urlsplit(sent.headers["Location"]).query)["next"][0]
    assert urlsplit(way_back).path == "/vendor/close"
    kept = {"day": ["2026-11-22"], "cash_yuan": ["1"], "stated-sandbox": ["2"]}
    assert parse_qs(urlsplit(way_back).query) == kept


def test_an_operator_does_not_move_the_market_out_of_its_tax_offices_sight(here: Town) -> None:
    moved = {"name_zh": "市场", "name_en": "M", "region": "530102", "address": "路"}
    refused = here.browser("operator").post("/market/details", data=moved)
    assert refused.status_code == 422
    assert here.ask("SELECT region FROM markets WHERE id = :m", m=here.markets[1]) == "530802"
    admin = here.browser("admin")
    admin.post("/market/choose", data={"code": "PE01"})
    assert admin.post("/market/details", data=moved).status_code == 303
    assert here.ask("SELECT region FROM markets WHERE id = :m", m=here.markets[1]) == "530102"


@pytest.mark.parametrize("by", ["day", "week", "month", "quarter", "year"])
def test_every_period_that_sales_can_be_asked_for_has_a_page(here: Town, by: str) -> None:
    assert here.browser("vendor").get("/vendor/sales", query_string={"by": by}).status_code == 200
