"""A buyer is erased: out of every table, with a record of it, and everything else of the invoice goes on."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest
from sqlalchemy import text

from invoice_service import cli
from invoice_service.documents.printed import BUYER_ERASED
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import BuyerDiffers, make_buyer
from invoice_service.flow import check_pile, erase, issue, look, order, pay, seal
from invoice_service.flow.issue import Issued
from invoice_service.flow.look import ReasonMissing
from invoice_service.ledger import evidence as ev
from invoice_service.queries import documents
from invoice_service.store import tables
from scripts.lib.market_day import company_code
from tests.payer import PaysWhenAsked
from tests.people import Town, town

REASON = "本人要求删除个人信息"
BUYER = make_buyer("organization", "王小明个体工商户", company_code(7))
OTHER = make_buyer("individual", "张三", None)
KEY = "an idempotency key of this test"


@dataclass(frozen=True)
class Bought:
    town: Town
    order_token: str
    issued: Issued


@pytest.fixture
def bought(tmp_path: Path, migrated_database_url: str) -> Iterator[Bought]:
    """An invoice, sealed, that an officer was shown and nobody has checked yet."""
    with town(tmp_path, migrated_database_url) as made:
        provider = PaysWhenAsked(lambda: datetime.now(UTC))
        place = replace(made, services=replace(made.services, providers={provider.name: provider}))
        placed = order.place(place.services, "A01", PlainAmount(4_321))
        pay.start(place.services, placed.token, "pays-when-asked")
        pay.check(place.services, placed.token)
        issued = issue.issue(place.services, placed.token, BUYER, idempotency_key=KEY)
        seal.seal(place.services)
        yield Bought(place, placed.token, issued)


def erased(bought: Bought) -> erase.Erased:
    return erase.erase(bought.town.services, bought.issued.number, REASON)


def holding(place: Town, words: str) -> set[str]:
    """Tables with a row in which the words stand, as text or as bytes."""
    found = set()
    written = {"one": f"%{words}%", "other": f"%{words.encode().hex()}%"}
    with place.services.database.read() as connection:
        for name in tables.metadata.tables:
            rows = f"SELECT 1 FROM {name} AS t WHERE t::text LIKE :one OR t::text LIKE :other"  # noqa: S608
            if connection.execute(text(rows), written).first():
                found.add(name)
    return found


def test_no_table_holds_the_buyer_any_more(bought: Bought) -> None:
    place = bought.town
    _, shown = documents.evidence(place.services, bought.issued.token)
    check_id = check_pile.begin(
        place.services, place.actor("officer"), [("a.json", shown.to_bytes())], "", REASON
    )
    assert holding(place, BUYER.name) == {"buyer_documents", "check_items"}
    assert place.ask("SELECT count(*) FROM idempotency_keys WHERE key = :key", key=KEY) == 1
    erased(bought)
    assert holding(place, BUYER.name) == set()
    assert holding(place, str(BUYER.tax_id)) == set()
    salt = shown.buyer_salt
    assert salt is not None
    row = place.rows("SELECT * FROM buyer_documents WHERE number = :n", n=bought.issued.number)[0]
    assert (row["document"], row["salt"], row["erased_at"] is not None) == (None, None, True)
    # What was asked, with the buyer in its hash, could be guessed at.
    assert place.ask("SELECT count(*) FROM idempotency_keys WHERE key = :key", key=KEY) == 0
    # The officer's pile is checked by the number instead.
    progress = check_pile.step(place.services, place.actor("officer"), check_id)
    assert (progress.done, progress.size) == (1, 1)
    item = place.rows("SELECT number, verdict FROM check_items WHERE check_id = :c", c=check_id)[0]
    assert (item["number"], item["verdict"]) == (bought.issued.number, ev.GENUINE)


def test_another_files_check_goes_on_as_it_was(bought: Bought) -> None:
    place = bought.town
    placed = order.place(place.services, "A01", PlainAmount(100))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    token = issue.issue(place.services, placed.token, OTHER).token
    _, shown = documents.evidence(place.services, token)
    files = [("b.json", shown.to_bytes()), ("c.json", b"{}")]
    check_pile.begin(place.services, place.actor("officer"), files, "", REASON)
    erased(bought)
    assert holding(place, OTHER.name) == {"buyer_documents", "check_items"}


def test_it_is_recorded_in_the_same_transaction_for_those_concerned(bought: Bought) -> None:
    place = bought.town
    erased(bought)
    asked = "SELECT * FROM access_records WHERE action = 'invoice.erase_buyer'"
    (record,) = place.rows(asked)
    assert (record["subject"], record["reason"], record["who"]) == (bought.issued.number, REASON, "service")
    assert (record["market_id"], record["vendor_id"]) == (place.markets[1], place.vendors["vendor"])
    page = place.browser("vendor").get("/account/records?lang=zh-CN").text
    assert "删除了发票的购买方信息" in page


def test_again_changes_nothing(bought: Bought) -> None:
    first = erased(bought)
    again = erase.erase(bought.town.services, bought.issued.number, "another reason")
    assert (first.again, again.again, again.at) == (False, True, first.at)
    assert bought.town.ask("SELECT count(*) FROM access_records WHERE action = 'invoice.erase_buyer'") == 1


@pytest.mark.parametrize(
    ("number", "reason", "refusal"),
    [("2" * 20, REASON, UnknownInvoice), ("no number", REASON, UnknownInvoice), (None, " ", ReasonMissing)],
)
def test_what_is_not_erased(
    bought: Bought, number: str | None, reason: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        erase.erase(bought.town.services, number or bought.issued.number, reason)
    assert bought.town.ask("SELECT count(*) FROM access_records WHERE action = 'invoice.erase_buyer'") == 0
    assert bought.town.ask("SELECT count(*) FROM buyer_documents WHERE erased_at IS NOT NULL") == 0


def test_proofs_stay_good_and_say_that_there_is_no_buyer(bought: Bought) -> None:
    place, token = bought.town, bought.issued.token
    erased(bought)
    _, evidence = documents.evidence(place.services, token)
    assert (evidence.buyer, evidence.buyer_salt) == (None, None)
    verdict = ev.verify(evidence, trusted_issuer=place.services.keyring.issuer_id, chain=None)
    steps = {step.name: (step.outcome, step.detail) for step in verdict.steps}
    assert steps["buyer"] == (
        ev.PASSED,
        "The buyer's details are not in this file; everything else stands without them.",
    )
    assert verdict.verdict == ev.GENUINE
    assert {outcome for outcome, _ in steps.values()} == {ev.PASSED}


def test_pages_and_papers_say_that_the_buyer_was_erased(bought: Bought) -> None:
    place, token, browser = bought.town, bought.issued.token, bought.town.browser()
    erased(bought)
    page = browser.get(f"/i/{token}?lang=en")
    assert (page.status_code, "Erased at the buyer" in page.text) == (200, True)
    _, pdf = documents.pdf(place.services, token)
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    assert BUYER_ERASED in "".join(one.extract_text() for one in reader.pages)
    carried = json.loads(reader.attachments["evidence.json"][0])
    assert (carried["buyer"], carried["buyer_salt"]) == (None, None)
    answer = place.api("nobody", "GET", f"/api/v1/invoices/{bought.issued.number}", headers=bearer(token))
    assert (answer.status_code, answer.json["buyer_name"]) == (200, None)
    officer = place.actor("officer")
    look.at_vendor(place.services, officer, place.vendors["vendor"], REASON)
    sale = place.browser("officer").get(
        f"/officer/invoices/{bought.issued.number}?lang=en", follow_redirects=True
    )
    assert (sale.status_code, "erased" in sale.text) == (200, True)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_who_asks_for_the_invoice_again_gets_the_one_there_is(bought: Bought) -> None:
    """Nobody can tell any more whether it was made out to the same buyer."""
    with pytest.raises(BuyerDiffers):
        issue.issue(bought.town.services, bought.order_token, OTHER)
    erased(bought)
    again = issue.issue(bought.town.services, bought.order_token, BUYER, idempotency_key=KEY)
    assert (again.number, again.created) == (bought.issued.number, False)


def test_the_command_says_what_it_did(
    bought: Bought, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = bought.town.services.config
    monkeypatch.setenv("DATABASE_URL", config.database_url)
    monkeypatch.setenv("DATA_DIR", str(config.data_dir))
    said = []
    for number in (bought.issued.number, bought.issued.number, "2" * 20):
        monkeypatch.setattr(sys, "argv", ["invoice_service", "erase", number, "--reason", REASON])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said.append((left.value.code, capsys.readouterr().out))
    assert [code for code, _ in said[:2]] == [0, 0]
    assert said[0][1].startswith(f"Erased the buyer of invoice {bought.issued.number}")
    assert "was erased before" in said[1][1]
    assert "[invoice.unknown]" in str(said[2][0])
