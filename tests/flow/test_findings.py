"""A month with ten planted frauds: each is found, what is innocent is told apart where it can be."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.case import BadCase, ForbiddenStep, UnknownCase
from invoice_service.domain.listing import BadListing
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope, Role
from invoice_service.flow import export_finding, find, handle_case, open_epoch
from invoice_service.queries import supervised_cases
from invoice_service.services import Services
from invoice_service.store import findings
from invoice_service.supervision import bundle
from scripts.lib.paths import ROOT
from tests import make, month
from tests.clock import Clock
from tests.month import Month

# Rule and whose; what is marked is innocent and found all the same: docs/reference/findings.md says so.
PLANTED = {
    ("uninvoiced", "U1"),
    ("splitting", "S1"),
    ("hugging", "H1"),
    ("burst", "N1"),
    ("price", "P1"),
    ("one_buyer", "普洱示例餐饮1号有限公司"),
    ("unfit_goods", "L1"),
    ("silent", "Q1"),
    ("late", "2026-10-20"),
    ("audit", "A01"),
}
INNOCENT_BUT_FOUND = {
    ("price", "P2"),  # black pork, entered as pork
    ("one_buyer", "普洱示例餐饮2号有限公司"),  # a school's kitchen
    ("silent", "H2"),  # ill
}
ALSO = {("silent", "H1")}  # who stopped selling at the threshold is silent, too


@dataclass(frozen=True)
class Place:
    services: Services
    month: Month
    clock: Clock
    officer: Actor

    def rows(self, **wanted: Any) -> list[Any]:
        with self.services.database.read() as connection:
            return list(findings.listed(connection, {"region": "53", **wanted}, limit=500))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("month")
    clock = Clock(datetime(2026, 10, 1, tzinfo=UTC))
    keyring.make_missing(folder, now=month.at(month.FIRST, 0), issuer_name="Test market")
    services = build_services(Config(data_dir=folder, database_url=module_migrated_database_url), clock=clock)
    open_epoch.prepare_log(services, keyring.load_root(folder))

    def follow(now: datetime) -> None:
        clock.now = now

    made = month.seed(services, follow)
    clock.now = month.at(month.LAST + timedelta(days=1), 12)
    for n in range((month.LAST - month.FIRST).days + 1):
        find.run(services, made.market_id, month.FIRST + timedelta(days=n))
    with services.database.unit_of_work() as uow:
        account = make.account(uow.connection, "officer", name="officer", region="5308")
        uow.commit()
    officer = Actor(account, 1, Role.OFFICER, "officer", region="5308", confirmed_at=clock.now)
    yield Place(services, made, clock, officer)
    services.database.dispose()


def whose(place: Place, row: Any) -> str:
    codes = {vendor: code for code, vendor in place.month.vendors.items()}
    if row["rule"] == "one_buyer":
        return str(row["figures"]["buyer"])
    return codes[row["vendor_id"]] if row["vendor_id"] else str(row["last_day"])


def test_each_planted_fraud_is_found_and_nothing_else_is(place: Place) -> None:
    found = {(row["rule"], whose(place, row)) for row in place.rows()}
    assert found == PLANTED | INNOCENT_BUT_FOUND | ALSO


def test_the_same_on_many_days_is_one_finding(place: Place) -> None:
    [row] = [row for row in place.rows(rule="price") if whose(place, row) == "P1"]
    assert (row["times"], row["last_day"], row["last_seen"]) == (31, month.FIRST, month.LAST)


def test_a_day_is_run_once(place: Place) -> None:
    before = place.rows()
    assert find.run(place.services, place.month.market_id, month.FIRST) is None
    assert place.rows() == before


def bundled(place: Place, rule: str) -> bytes:
    row = next(row for row in place.rows(rule=rule) if (rule, whose(place, row)) in PLANTED)
    with export_finding.export(place.services, place.officer, row["id"]) as file:
        return file.read()


def test_every_finding_is_made_again_from_its_bundle(place: Place) -> None:
    trusted = place.services.keyring.issuer_id
    for row in place.rows():
        with export_finding.export(place.services, place.officer, row["id"]) as file:
            finding, verdict = bundle.verify(file, trusted_issuer=trusted)
        steps = {step.name: (step.outcome, step.detail) for step in verdict.steps}
        assert verdict.verdict == bundle.RECOMPUTED, (row["rule"], row["key"], steps)
        assert (finding.rule, finding.key) == (row["rule"], row["key"])


def bent(data: bytes, part: str, change: Callable[[Any], Any]) -> io.BytesIO:
    """A bundle with one line of a part, or its whole JSON, changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            text = source.read(name).decode()
            if name == part == bundle.HEAD:
                text = json.dumps(change(json.loads(text)))
            elif name == part:
                first, _, rest = text.partition("\n")
                text = f"{json.dumps(change(json.loads(first)))}\n{rest}"
            target.writestr(name, text)
    out.seek(0)
    return out


def set_in(path: str, value: Any) -> Callable[[Any], Any]:
    def change(document: Any) -> Any:
        *way, last = path.split("/")
        inner = document
        for name in way:
            inner = inner[name]
        inner[last] = value(inner[last]) if callable(value) else value
        return document

    return change


BENT = {
    "a figure": (bundle.HEAD, set_in("finding/figures/count", 5), "rule"),
    "a record left out": (bundle.HEAD, set_in("finding/records", lambda records: records[1:]), "rule"),
    "a threshold": (bundle.HEAD, set_in("rule/thresholds/least", 9), "rule"),
    "a seller's kind": (bundle.HEAD, set_in("register/sellers", lambda rows: [
        [*row[:2], "general", *row[3:]] for row in rows]), "rule"),
    "a proof": (bundle.HEAD, set_in("proof", lambda nodes: ["00" * 32, *nodes[1:]]), "inclusion"),
    "a proof cut short": (bundle.HEAD, set_in("proof", lambda nodes: nodes[:-1]), "inclusion"),
    "a head": (bundle.HEAD, set_in("checkpoint", lambda note: note.replace("\n1", "\n2", 1)), "inclusion"),
    "a body": (bundle.DOCUMENTS, set_in("body", lambda body: body.replace("95000", "15000")), "documents"),
    "a salt": (bundle.DOCUMENTS, set_in("salt", "00" * 32), "documents"),
    "a place": (bundle.DOCUMENTS, set_in("index", lambda index: index + 1), "inclusion"),
    "a total": (bundle.DOCUMENTS, set_in("recorded_fen", 1), "documents"),
}  # fmt: skip


@pytest.mark.parametrize("what", BENT)
def test_a_bundle_that_was_bent_is_not_believed(place: Place, what: str) -> None:
    part, change, step = BENT[what]
    file = bent(bundled(place, "splitting"), part, change)
    _, verdict = bundle.verify(file, trusted_issuer=place.services.keyring.issuer_id)
    assert (verdict.verdict, verdict.steps[-1].name) == (bundle.ALTERED, step)


def test_a_bundle_brings_no_authority(place: Place) -> None:
    data = bundled(place, "splitting")
    _, undecided = bundle.verify(io.BytesIO(data), trusted_issuer=None)
    _, foreign = bundle.verify(io.BytesIO(data), trusted_issuer=bytes(32))
    assert (undecided.verdict, foreign.verdict) == (bundle.UNDECIDED, bundle.ALTERED)


def zipped(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


NO_BUNDLES = (
    b"",
    b"PK",
    zipped(other="{}"),
    zipped(bundle_json="[]", documents_jsonl=""),
    zipped(bundle_json="[" * 100_000, documents_jsonl=""),
    zipped(bundle_json='{"type": "stall-ledger-finding", "version": 1}', documents_jsonl=""),
)


@pytest.mark.parametrize("data", NO_BUNDLES, ids=range(len(NO_BUNDLES)))
def test_what_is_no_bundle_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(bundle.NotABundle):
        bundle.verify(io.BytesIO(data), trusted_issuer=None)


def test_one_command_makes_a_finding_again(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "case.zip"
    file.write_bytes(bundled(place, "hugging"))
    command = [sys.executable, "-m", "invoice_service", "recompute", str(file)]
    trust = ["--trust", place.services.keyring.issuer_id.hex()]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *trust], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "RECOMPUTED" in done.stdout
    undecided = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert undecided.returncode == 2


# -- cases -------------------------------------------------------------------------------------------------


def test_a_case_from_its_finding_to_its_reopening(place: Place) -> None:
    services, officer = place.services, place.officer
    [row] = place.rows(rule="unfit_goods")
    handle_case.look(services, officer, row["id"])
    handle_case.look(services, officer, row["id"])
    with services.database.read() as connection:
        looks = connection.execute(text("SELECT reason FROM access_records WHERE action = 'vendor.look'"))
        assert looks.scalars().all() == [f"案件 {row['id']}：商品超出证照范围"], (
            "once, and the vendor can read why"
        )
    handle_case.assign(services, officer, row["id"], None)
    handle_case.add_note(services, officer, row["id"], "已电话联系经营户")
    handle_case.decide(services, officer, row["id"], "innocent", "证照刚刚变更")
    seen = supervised_cases.one(services, officer, "en", row["id"])
    assert (seen.line.state, seen.line.outcome) == ("closed", "innocent")
    assert [step.step for step in seen.steps] == ["assigned", "noted", "closed"]
    with pytest.raises(ForbiddenStep):
        handle_case.decide(services, officer, row["id"], "warned", "再次处理")
    [rule] = [one for one in supervised_cases.rules(services, officer, "en") if one.id == "unfit_goods"]
    assert (rule.found, rule.closed, rule.innocent, rule.innocent_percent) == (1, 1, 1, 100)
    handle_case.reopen(services, officer, row["id"], "收到新的投诉")
    again = supervised_cases.one(services, officer, "en", row["id"])
    assert (again.line.state, again.line.outcome, again.line.assigned_name) == ("new", None, None)


def test_nobody_outside_the_region_sees_or_handles_a_case(place: Place) -> None:
    services, stranger = place.services, replace(place.officer, region="5301")
    case_id = place.rows()[0]["id"]
    for attempt in (
        lambda: handle_case.look(services, stranger, case_id),
        lambda: handle_case.assign(services, stranger, case_id, None),
        lambda: handle_case.add_note(services, stranger, case_id, "随便看看"),
        lambda: handle_case.decide(services, stranger, case_id, "innocent", "没有问题"),
        lambda: export_finding.export(services, stranger, case_id),
        lambda: supervised_cases.one(services, stranger, "en", case_id),
    ):
        with pytest.raises(OutOfScope):
            attempt()
    assert supervised_cases.listed(services, stranger, "en").rows == ()
    for role in (Role.OPERATOR, Role.ADMIN, Role.VENDOR):
        with pytest.raises((OutOfScope, NotAllowed)):
            supervised_cases.one(services, replace(place.officer, role=role, region=None), "en", case_id)


def test_bad_steps_are_refused_and_nothing_is_kept(place: Place) -> None:
    services, officer = place.services, place.officer
    case_id = place.rows(rule="late")[0]["id"]
    for attempt in (
        lambda: handle_case.add_note(services, officer, case_id, "嗯"),
        lambda: handle_case.add_note(services, officer, case_id, "字" * 1001),
        lambda: handle_case.add_note(services, officer, case_id, "不可\x00打印"),
        lambda: handle_case.decide(services, officer, case_id, "guilty", "没有这种结论"),
        lambda: handle_case.assign(services, officer, case_id, 10**12),
    ):
        with pytest.raises(BadCase):
            attempt()
    with pytest.raises(ForbiddenStep):
        handle_case.reopen(services, officer, case_id, "尚未结案")
    with pytest.raises(UnknownCase):
        handle_case.look(services, officer, 10**12)
    assert supervised_cases.one(services, officer, "en", case_id).steps == ()


def test_lists_are_narrowed_and_turned_over(place: Place) -> None:
    services, officer = place.services, place.officer
    first = supervised_cases.listed(services, officer, "en", state="all", limit=4)
    second = supervised_cases.listed(services, officer, "en", state="all", limit=100, after=first.next_key)
    ids = [row.id for row in (*first.rows, *second.rows)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == len(PLANTED | INNOCENT_BUT_FOUND | ALSO)
    silent = supervised_cases.listed(services, officer, "en", rule="silent").rows
    assert [row.rule for row in silent] == ["silent"] * 3
    assert supervised_cases.listed(services, officer, "en", state="closed").rows == ()
    for wrong in ({"rule": "no"}, {"state": "no"}):
        with pytest.raises(BadListing):
            supervised_cases.listed(services, officer, "en", **wrong)
