"""Refunds on a real chain, at a real till: locked, paid back, credited, written down, each once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chain.statuses import State
from invoice_service.documents.xml.flat import flat
from invoice_service.documents.xml.reading import read
from invoice_service.documents.xml.ubl import ubl
from invoice_service.domain.policy import ConfirmFirst, OutOfScope
from invoice_service.domain.refund import (
    Back,
    BadRefund,
    NothingLeft,
    Reason,
    RefundStatus,
    RefundUnderWay,
)
from invoice_service.domain.relay import Credit, Lock
from invoice_service.flow import consent, issue, order, refund, settle_refunds
from invoice_service.flow.change_status import change_status
from invoice_service.flow.refund import NothingPaid
from invoice_service.ledger.entry import body_commitment
from invoice_service.payments.provider import ProviderUnavailable, RefundRefused
from invoice_service.queries import claims
from invoice_service.queries.audit import numbers
from invoice_service.queries.audit.numbers import NotInForce
from invoice_service.store import sales
from tests.chain.registers import Key
from tests.en16931 import schema_errors
from tests.till import Sold, Till, open_till
from tests.unit.documents.test_schemas import fits

HALF = [Back(0, quantity=Decimal("0.5"))]


@pytest.fixture
def till(tmp_path: Path, migrated_database_url: str, anvil_url: str) -> Iterator[Till]:
    with open_till(tmp_path, migrated_database_url, anvil_url) as opened:
        yield opened


def entries(till: Till, kind: int) -> list[tuple[str, bytes]]:
    rows = till.office.rows("SELECT fact, entry FROM outbox WHERE kind = :kind ORDER BY id", kind=kind)
    return [(fact, bytes(entry)) for fact, entry in rows]


def sums(till: Till) -> tuple[Any, ...]:
    return till.office.rows(
        "SELECT sum(amount_fen), sum(exempt_fen), sum(tax_fen), sum(invoiced_fen) FROM vendor_hours"
    )[0]


def at_the_sandbox(till: Till) -> int:
    """What the other company says it has paid back, in fen."""
    return sum(amount_fen for _, amount_fen in till.paid_back())


def test_without_an_invoice_the_money_goes_back_and_nothing_is_asked_of_the_chain(till: Till) -> None:
    sold = till.sell(buyer=None)
    asked = till.ask(sold)
    with pytest.raises(RefundUnderWay):
        till.invoice(sold)
    settle_refunds.advance(till.services)
    assert till.refund(asked).status is RefundStatus.DONE
    assert at_the_sandbox(till) == 1250
    assert till.office.query("SELECT status FROM orders") == "refunded"
    (fact, entry) = entries(till, 2)[0]
    body, salt = till.office.rows("SELECT body, salt FROM refunds")[0]
    assert fact == str(asked)
    assert body_commitment(salt, body) == entry[61:93]
    told = json.loads(body)
    assert (told["type"], told["amount_fen"], told["credit_note"]) == ("refund", 1250, None)
    assert told["sale"] == bytes(till.office.query("SELECT commitment FROM sales")).hex()
    assert sums(till) == (0, 0, 0, 0)
    with pytest.raises(issue.NotPaid):
        till.invoice(sold)
    with pytest.raises(NothingLeft):
        till.ask(sold)
    assert till.recounted()[0] == till.recounted()[1]


def test_what_went_back_before_is_not_on_the_invoice(till: Till) -> None:
    sold = till.sell([("pakchoi", "2"), ("tomato", "3")], buyer=None)
    till.ask(sold, [Back(0), Back(1, quantity=Decimal(1))])
    till.settle(1)
    sold = till.invoice(sold)
    body = json.loads(till.office.query("SELECT body FROM invoices"))
    assert [(line["name"], line["quantity"], line["amount_fen"]) for line in body["lines"]] == [
        ("番茄", "2", 900)
    ]
    assert body["total_fen"] == 900 == till.office.query("SELECT kept_fen FROM sales")
    till.ask(sold, [Back(1, quantity=Decimal(1))])  # by its place in the order
    till.settle()
    note = json.loads(till.office.query("SELECT body FROM credit_notes"))
    assert [(line["line"], line["quantity"], line["amount_fen"]) for line in note["lines"]] == [(0, "1", 450)]
    with pytest.raises(BadRefund):
        till.ask(sold, [Back(0)])
    till.ask(sold)
    till.settle()
    assert till.office.query("SELECT status FROM orders") == "refunded"
    assert at_the_sandbox(till) == 640 + 1350
    assert sums(till) == (0, 0, 0, 0)
    before, again = till.recounted()
    assert before == again


def test_a_part_then_the_rest_of_an_invoice(till: Till) -> None:
    sold = till.sell()
    assert sold.invoice is not None
    original = till.office.query("SELECT body FROM invoices")
    asked = till.ask(sold, HALF)
    assert till.refund(asked).status is RefundStatus.LOCKING
    settle_refunds.advance(till.services)
    assert at_the_sandbox(till) == 0, "nothing goes back before the contract has locked it"
    assert credited(till) == [0]
    till.settle()
    assert till.refund(asked).status is RefundStatus.DONE
    assert credited(till) == [625]
    assert till.office.state(sold.invoice) == (State.FREE, 1)
    rest = till.ask(sold)
    till.settle()
    assert till.refund(rest).status is RefundStatus.DONE
    assert till.office.state(sold.invoice) == (State.CREDITED, 2)
    assert credited(till) == [1250]
    assert till.office.query("SELECT status FROM orders") == "refunded"
    notes = [json.loads(body) for (body,) in till.office.rows("SELECT body FROM credit_notes ORDER BY notes")]
    assert [(note["total_fen"], note["whole"], note["notes"]) for note in notes] == [
        (625, False, 0),
        (625, True, 1),
    ]
    assert till.office.query("SELECT body FROM invoices") == original
    for note in notes:
        assert note["invoice"]["number"] == sold.invoice.number
        assert note["invoice"]["commitment"] == entries(till, 3)[0][1][61:93].hex()
    facts = dict(entries(till, 4))
    assert set(facts) == {note["number"] for note in notes}
    for number, entry in facts.items():
        commitment = till.office.query("SELECT commitment FROM credit_notes WHERE number = :n", n=number)
        assert entry[61:93] == commitment
        event = till.office.query("SELECT note FROM chain_events WHERE note = :c", c=commitment)
        assert event == commitment
    assert [json.loads(body)["credit_note"] for (body,) in till.office.rows("SELECT body FROM refunds")] == [
        entry[61:93].hex() for entry in facts.values()
    ]
    assert sums(till) == (0, 0, 0, 0)
    before, again = till.recounted()
    assert before == again
    for body in (json.loads(original), *notes):
        assert fits(body)
        assert schema_errors(ubl(body, None)) == []
        assert [read(write(body, None)).body for write in (ubl, flat)] == [body, body]


def credited(till: Till) -> list[int]:
    """Fen that credit notes took off, of each invoice in the vendor's list."""
    vendor_id = till.office.query("SELECT id FROM vendors")
    with till.services.database.read() as connection:
        return [row["credited_fen"] for row in sales.invoices(connection, vendor_id, {}, limit=9)]


def test_of_a_claimed_invoice_the_company_has_to_agree(till: Till) -> None:
    sold, company, stranger = till.sell(), Key(), Key()
    assert sold.invoice is not None
    ours = till.office.claim(company, [sold.invoice])
    till.office.settle()
    theirs = till.office.claim(stranger, [sold.invoice])
    till.office.settle()
    repeated = till.office.claim(company, [sold.invoice], nonce=0)  # as whoever reads the chain could
    till.office.settle()
    assert waiting(till, ours) == [None]
    asked = till.ask(sold, HALF, Reason.ALLOWANCE)
    till.settle(3)
    assert till.refund(asked).status is RefundStatus.CONSENT
    lists = (ours, theirs, repeated)
    assert [waiting(till, one) for one in lists] == [[asked], [None], [None]], "only the claimant is asked"
    assert at_the_sandbox(till) == 0
    with pytest.raises(consent.NotTheClaimant):
        till.consent(stranger, asked)
    for forged in ({"whole": True}, {"notes": 1}, {"note": b"\x01" * 32}):
        with pytest.raises(consent.NotTheClaimant):
            till.consent(company, asked, **forged)
    with pytest.raises(consent.BadDeadline):
        till.consent(company, asked, lasts_s=60)
    till.consent(company, asked)
    till.consent(company, asked)  # again changes nothing
    till.settle()
    assert till.refund(asked).status is RefundStatus.DONE
    assert till.office.state(sold.invoice) == (State.CLAIMED, 1)
    assert waiting(till, ours) == [None]
    with pytest.raises(consent.NoConsentWanted):
        till.consent(company, asked)


def waiting(till: Till, claim_id: bytes) -> list[UUID | None]:
    """What whoever holds the claim is asked to agree to, invoice by invoice."""
    return [one.refund_id for one in claims.claim(till.services, claim_id.hex()).invoices]


def test_a_consent_that_nobody_gives_lapses(till: Till) -> None:
    sold, company = till.sell(), Key()
    assert sold.invoice is not None
    till.office.claim(company, [sold.invoice])
    till.office.settle()
    asked = till.ask(sold)
    till.office.clock.now += timedelta(hours=71, minutes=59)
    till.settle(1)
    assert till.refund(asked).status is RefundStatus.CONSENT
    till.office.clock.now += timedelta(minutes=2)
    till.settle(1)
    assert till.refund(asked).status is RefundStatus.LAPSED
    assert at_the_sandbox(till) == 0
    assert till.office.query("SELECT sum(returned_fen) FROM order_lines") == 0
    assert entries(till, 2) == entries(till, 4) == []
    number = till.office.query("SELECT number FROM credit_notes")
    with till.services.database.read() as connection:
        assert NotInForce(number, "lapsed") in numbers.unused(connection)
    till.ask(sold)  # and can be asked for again


def test_a_company_that_releases_need_not_agree(till: Till) -> None:
    sold, company = till.sell(), Key()
    assert sold.invoice is not None
    till.office.claim(company, [sold.invoice])
    till.office.settle()
    asked = till.ask(sold)
    till.office.release(company, [sold.invoice])
    till.settle()
    assert till.refund(asked).status is RefundStatus.DONE
    assert till.office.state(sold.invoice)[0] is State.CREDITED


def test_claimed_in_the_moment_before_the_lock(till: Till) -> None:
    sold, company = till.sell(), Key()
    assert sold.invoice is not None
    asked = till.ask(sold)
    till.office.claim(company, [sold.invoice])
    till.office.settle()
    till.settle(3)
    assert till.refund(asked).status is RefundStatus.CONSENT
    till.consent(company, asked)
    till.settle()
    assert till.refund(asked).status is RefundStatus.DONE


def test_two_at_the_same_instant(till: Till) -> None:
    sold = till.sell()

    def ask(n: int) -> object:
        vendor = replace(till.vendor, confirmed_at=till.office.clock.now)
        try:
            key = f"the same instant {n}"
            return refund.ask(
                till.services, vendor, sold.order_id, None, Reason.RETURNED, idempotency_key=key
            )
        except RefundUnderWay as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert sum(isinstance(answer, refund.Asked) for answer in answers) == 1
    till.settle()
    assert at_the_sandbox(till) == 1250


def test_the_same_key_is_the_same_refund(till: Till) -> None:
    sold = till.sell(buyer=None)
    vendor = replace(till.vendor, confirmed_at=till.office.clock.now)
    asked = [
        refund.ask(
            till.services, vendor, sold.order_id, HALF, Reason.RETURNED, idempotency_key="0123456789abcdef"
        )
        for _ in range(2)
    ]
    assert asked[0].id == asked[1].id
    assert [one.created for one in asked] == [True, False]


def test_who_may_ask_and_for_what(till: Till) -> None:
    placed = order.place(till.services, "A01", order.PlainAmount(500))
    unpaid = Sold(till.office.query("SELECT id FROM orders"), placed.token)
    with pytest.raises(NothingPaid):
        till.ask(unpaid)
    sold = till.sell(buyer=None)
    for wrong in ([Back(1)], [Back(0, amount_fen=1251)], [Back(0, quantity=Decimal("1.000001"))], []):
        with pytest.raises(BadRefund):
            till.ask(sold, wrong)
    not_sure = replace(till.vendor, confirmed_at=None)
    with pytest.raises(ConfirmFirst):
        refund.ask(
            till.services, not_sure, sold.order_id, None, Reason.RETURNED, idempotency_key="0123456789abcdef"
        )
    next_door = replace(till.vendor, vendor_id=10**6, confirmed_at=till.office.clock.now)
    with pytest.raises(OutOfScope):
        refund.ask(
            till.services, next_door, sold.order_id, None, Reason.RETURNED, idempotency_key="0123456789abcdef"
        )
    assert till.office.query("SELECT count(*) FROM refunds") == 0


class LosesTheReply:
    """A provider that pays back, and whose first answers do not arrive."""

    name = "sandbox"

    def __init__(self, real: Any, losses: int) -> None:
        self._real, self.losses = real, losses

    def refund(self, *args: Any, **named: Any) -> Any:
        report = self._real.refund(*args, **named)
        if self.losses:
            self.losses -= 1
            raise ProviderUnavailable
        return report


def test_a_reply_that_is_lost_pays_back_once(till: Till) -> None:
    sold = till.sell()
    till.office.services = replace(
        till.services, providers={"sandbox": LosesTheReply(till.services.providers["sandbox"], 3)}
    )
    asked = till.ask(sold)
    till.settle()
    assert till.refund(asked).status is RefundStatus.DONE
    assert at_the_sandbox(till) == 1250
    assert till.office.query("SELECT count(*) FROM sandbox.refunds") == 1


def test_what_the_provider_will_not_pay_back_is_unlocked(till: Till) -> None:
    """The merchant's account at the provider is empty: here, the money went back another way before."""
    sold = till.sell()
    assert sold.invoice is not None
    trade_no = till.office.query("SELECT out_trade_no FROM orders")
    provider = till.services.providers["sandbox"]
    provider.refund(trade_no, "by-hand", amount_fen=1250, total_fen=1250)
    with pytest.raises(RefundRefused):
        provider.refund(trade_no, "another", amount_fen=1250, total_fen=1250)
    asked = till.ask(sold)
    till.settle()
    assert till.refund(asked).status is RefundStatus.REFUSED
    assert till.office.state(sold.invoice) == (State.FREE, 0)
    assert till.office.query("SELECT sum(returned_fen) FROM order_lines") == 0
    assert entries(till, 2) == entries(till, 4) == []


def test_an_invoice_that_was_credited_by_hand_is_not_paid_back_again(till: Till) -> None:
    sold = till.sell()
    assert sold.invoice is not None
    for change in (Lock(), Credit(b"\x07" * 32, whole=True)):
        change_status(till.services, sold.invoice.number, change)
        till.office.settle()
    assert till.office.state(sold.invoice) == (State.CREDITED, 1)
    asked = till.ask(sold)
    till.settle(3)
    assert till.refund(asked).status is RefundStatus.REFUSED
    assert at_the_sandbox(till) == 0


def test_a_lock_that_is_about_to_lapse_is_not_enough(till: Till) -> None:
    """The till did not answer for three days: the invoice is locked anew before money goes back."""
    sold = till.sell()
    asked = till.ask(sold)
    till.settle_until(asked, RefundStatus.PAYING)
    till.office.clock.now += timedelta(hours=71, minutes=30)
    settle_refunds.advance(till.services)
    assert till.refund(asked).status is RefundStatus.LOCKING
    assert at_the_sandbox(till) == 0
