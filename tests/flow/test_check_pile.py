"""A pile is checked step by step: one verdict each, each kept once, recorded for those concerned."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pypdf
import pytest

from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.policy import ConfirmFirst, NotAllowed, OutOfScope
from invoice_service.flow import check_pile, issue, order, pay, seal
from invoice_service.flow.look import ReasonMissing
from invoice_service.queries import access, checks, documents
from invoice_service.store import checks as stored
from invoice_service.web import checking
from tests.payer import PaysWhenAsked
from tests.people import Town, town

REASON = "企业送来的报销发票"


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    """No chain is configured here, so none is asked: that is tests/journey/test_check_pile.py's to show."""
    with town(tmp_path, migrated_database_url) as made:
        provider = PaysWhenAsked(lambda: datetime.now(UTC))
        services = replace(made.services, providers={provider.name: provider})
        yield replace(made, services=services)


def invoice(place: Town, stall: str, fen: int) -> tuple[str, bytes, bytes]:
    """(number, PDF, evidence)."""
    placed = order.place(place.services, stall, PlainAmount(fen))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    issued = issue.issue(place.services, placed.token, make_buyer("individual", "", None))
    seal.seal(place.services)
    number, evidence = documents.evidence(place.services, issued.token)
    return number, documents.pdf(place.services, issued.token)[1], evidence.to_bytes()


def checked(
    place: Town, files: list[tuple[str, bytes]], typed: str = "", name: str = "officer"
) -> checks.CheckView:
    actor = place.actor(name)
    check_id = check_pile.begin(place.services, actor, files, typed, REASON)
    while True:
        progress = check_pile.step(place.services, actor, check_id)
        if progress.done == progress.size:
            return checks.one(place.services, actor, check_id)


def test_one_verdict_each_and_files_are_not_kept(place: Town) -> None:
    number, pdf, evidence = invoice(place, "A01", 1250)
    altered = evidence.replace(b'"total_fen": 1250', b'"total_fen": 9250')
    assert altered != evidence
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("b/altered.json", altered)
        packed.writestr("b/again.pdf", pdf)
    files = [
        ("one.pdf", pdf),
        ("one.json", evidence),
        ("pile.zip", archive.getvalue()),
        ("cat.png", b"\x89PNG"),
    ]
    found = checked(place, files, f"{number}\n26539999999999999999\nhello")
    assert [(item.name, item.verdict, item.same_as) for item in found.items] == [
        ("one.pdf", "genuine", None),
        ("one.json", "genuine", 1),
        ("altered.json", "altered", None),
        ("again.pdf", "repeated", 1),
        ("cat.png", "unreadable", None),
        (number, "genuine", 1),
        ("26539999999999999999", "unknown", None),
        ("hello", "unreadable", None),
    ]
    first, _, bad, *_ = found.items
    assert (first.number, first.total_fen, first.seller_name) == (number, 1250, "李秀英")
    assert (bad.number, bad.total_fen, bad.seller_name) == (None, None, None), "nothing altered is repeated"
    assert [step.outcome for step in bad.steps][-1] == "failed"
    assert place.ask("SELECT count(*) FROM check_items WHERE data IS NOT NULL") == 0
    records, _ = access.records(place.services, place.actor("vendor"), whose="others")
    looks = [(one.subject, one.reason) for one in records if one.action.value == "invoice.check"]
    assert looks == [(number, REASON)] * 3, "the PDF, the evidence and the number"


def test_by_number_alone_only_in_the_own_region(place: Town) -> None:
    """With the day and the total anybody's can be checked; which of them is wrong is not told."""
    number, _, _ = invoice(place, "B01", 999)
    day = place.ask("SELECT (issued_at AT TIME ZONE 'Asia/Shanghai')::date::text FROM invoices")
    rows = ((number, "", ""), (number, day, "9.99"), (number, day, "9.98"), (number, "2020-01-01", "9.99"),
            (number, day, ""), (number, "yesterday", "9.99"), (number, day, "nine"))  # fmt: skip
    listed = ("number,date,total\n" + "\n".join(",".join(row) for row in rows)).encode()

    def verdicts(name: str) -> list[str | None]:
        return [item.verdict for item in checked(place, [("l.csv", listed)], name=name).items]

    bad = ["unreadable", "unreadable"]
    assert verdicts("officer") == ["unknown", "genuine", "unknown", "unknown", "unknown", *bad]
    assert verdicts("officer_2") == ["genuine", "genuine", "unknown", "unknown", "genuine", *bad]


def test_a_step_that_dies_is_taken_again_and_two_at_once_keep_one_result(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = "\n".join(f"26539000000000{n:06d}" for n in range(25))
    actor = place.actor("officer")
    check_id = check_pile.begin(place.services, actor, [], numbers, REASON)
    kept, keep = [], stored.keep

    def dies_at_the_twelfth(*arguments: object) -> bool:
        kept.append(arguments)
        if len(kept) == 12:
            raise RuntimeError("killed")
        return keep(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stored, "keep", dies_at_the_twelfth)
    with pytest.raises(RuntimeError):
        check_pile.step(place.services, actor, check_id)
    monkeypatch.setattr(stored, "keep", keep)
    assert checks.one(place.services, actor, check_id).done == 10, "whole rounds, or nothing of them"
    assert check_pile.step(place.services, actor, check_id) == check_pile.Progress(25, 25)
    assert check_pile.step(place.services, actor, check_id) == check_pile.Progress(25, 25)
    with place.services.database.unit_of_work() as uow:
        result = {"verdict": "genuine", "number": None, "total_fen": None, "issued_at": None, "seller": None,
                  "problem": None, "steps": None, "checked_at": datetime.now(UTC)}  # fmt: skip
        assert not stored.keep(uow.connection, check_id, 0, result)


def test_threats_2_and_4_nobody_reads_or_takes_anothers_check(place: Town) -> None:
    actor = place.actor("officer")
    check_id = check_pile.begin(place.services, actor, [], "26539000000000000001", REASON)
    for name in ("officer_2", "operator", "vendor", "admin"):
        for door in (checks.one, check_pile.step, check_pile.take_out):
            with pytest.raises(OutOfScope):
                door(place.services, place.actor(name), check_id)
    with pytest.raises(ConfirmFirst):
        check_pile.take_out(place.services, replace(actor, confirmed_at=None), check_id)
    for name in ("operator", "vendor", "admin"):
        with pytest.raises(NotAllowed):
            check_pile.begin(place.services, place.actor(name), [], "26539000000000000001", REASON)
    with pytest.raises(ReasonMissing):
        check_pile.begin(place.services, actor, [], "26539000000000000001", " x ")


def test_threat_20_an_account_that_guesses_numbers_is_stopped_and_on_record(place: Town) -> None:
    guesses = "\n".join(f"26539000000000{n:06d}" for n in range(check_pile.GUESSES_MAX))
    checked(place, [], guesses)
    with pytest.raises(check_pile.TooManyGuesses):
        check_pile.begin(place.services, place.actor("officer"), [], "26539000000000999999", REASON)
    checked(place, [("a.pdf", b"%PDF-1.7")])
    checked(place, [], "26539000000000999999", name="officer_2")
    assert place.ask("SELECT count(*) FROM access_records WHERE action = 'pile.check'") == 3


def test_threats_11_12_and_13_in_the_files_that_result(place: Town) -> None:
    """A name that is a formula, a script and a template stays text, in the workbook and on paper."""
    name = '=1+1 <script>alert(1)</script> #read("/etc/passwd") {{7*7}}.pdf'
    found = checked(place, [(name, b"%PDF-1.7 not one")], "26539000000000000001")
    with place.app.test_request_context():
        sheet = openpyxl.load_workbook(io.BytesIO(checking.as_workbook(found))).active
        record = checking.as_record(found, place.actor("officer"), datetime.now(UTC))
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert any(cell.value == found.items[0].name for cell in cells)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(record)).pages)
    assert "{{7*7}}" in text.replace("\u200b", "").replace("\n", "")
    assert "26539000000000000001" in text.replace("\u200b", "").replace("\n", "")
    assert "root:" not in text
