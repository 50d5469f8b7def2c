"""Sales exactly at a limit, from stall to credit note: every document says the same sum, and proves it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from chain.statuses import State
from invoice_service import onchain
from invoice_service.documents.attached import attached_evidence
from invoice_service.documents.xml.reading import Read, read
from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.goods import QUANTITY_DECIMALS, QUANTITY_MAX
from invoice_service.domain.money import yuan
from invoice_service.domain.refund import RefundStatus
from invoice_service.flow import anchor, seal
from invoice_service.ledger import evidence as ev
from invoice_service.queries import documents
from tests import make
from tests.till import Sold, Till, open_till
from tests.unit.documents.test_pdf import pages

MOST_FEN, MOST_LINES = 5_000_000, 60
SHARE_FEN = MOST_FEN // MOST_LINES
REST_FEN = MOST_FEN - SHARE_FEN * (MOST_LINES - 1)
LEAST = str(Decimal(1).scaleb(-QUANTITY_DECIMALS))
SALES = {
    "the largest amount": (MOST_FEN, MOST_FEN),
    "the most lines, for the largest amount": ([(f"line-{n}", "1") for n in range(MOST_LINES)], MOST_FEN),
    "the largest quantity, for 1 fen each": ([("cheap", str(QUANTITY_MAX))], int(QUANTITY_MAX)),
    "the smallest quantity, of the dearest": ([("dear", LEAST)], 5),
    "1 fen": (1, 1),
}


@pytest.fixture(scope="module")
def till(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str, anvil_url: str
) -> Iterator[Till]:
    folder = tmp_path_factory.mktemp("limits")
    with open_till(folder, module_migrated_database_url, anvil_url) as opened:
        prices = {f"line-{n}": SHARE_FEN for n in range(MOST_LINES - 1)}
        prices |= {f"line-{MOST_LINES - 1}": REST_FEN, "cheap": 1, "dear": MOST_FEN}
        items = [
            {"sku": sku, "name_zh": sku, "name_en": sku, "price_fen": fen} for sku, fen in prices.items()
        ]
        with opened.services.database.unit_of_work() as uow:
            assert opened.vendor.market_id
            assert opened.vendor.vendor_id
            make.goods(uow.connection, opened.vendor.market_id, opened.vendor.vendor_id, items)
            uow.commit()
        yield opened


def on_chain(till: Till) -> None:
    seal.seal(till.services)
    contract = onchain.ledger_contract(till.services, till.office.epoch)
    assert anchor.anchor(till.services, contract) == "mined"


def judged(till: Till, evidence: ev.Evidence) -> ev.Verdict:
    trusted = till.services.keyring.issuer_id
    return ev.verify(evidence, trusted_issuer=trusted, chain=till.services.heads)


@pytest.mark.parametrize("sale", SALES)
def test_a_sale_at_a_limit(till: Till, sale: str) -> None:
    wanted, total_fen = SALES[sale]
    sold = till.sell(wanted)
    on_chain(till)
    check_documents(till, sold, total_fen)

    before, asked = set(till.paid_back()), till.ask(sold)
    till.settle()
    on_chain(till)
    assert till.refund(asked).status is RefundStatus.DONE
    [(_, paid_back_fen)] = set(till.paid_back()) - before
    assert paid_back_fen == total_fen
    note = till.office.query("SELECT number FROM credit_notes WHERE refund_id = :id", id=asked)
    check_documents(till, sold, -total_fen, note=note)
    assert sold.invoice is not None
    assert till.office.state(sold.invoice) == (State.CREDITED, 1)


def check_documents(till: Till, sold: Sold, total_fen: int, *, note: str | None = None) -> None:
    """Paper, both kinds of XML, and the evidence: as the issuer hands them out, and as they read back."""
    assert sold.invoice is not None
    token = sold.invoice.token
    number, data = documents.pdf(till.services, token, note=note)
    evidence = attached_evidence(data)
    assert evidence.body["number"] == number
    assert evidence.body["total_fen"] == abs(total_fen)
    assert judged(till, evidence).verdict == ev.GENUINE
    text = "".join(pages(data))
    assert f"¥{yuan(total_fen)}" in text
    assert in_capitals(abs(total_fen)) in text
    buyer = documents.evidence(till.services, token)[1].buyer
    for kind in documents.XML_FORMATS:
        _, xml = documents.xml(till.services, token, kind, note=note)
        assert read(xml) == Read(evidence.body, buyer)
