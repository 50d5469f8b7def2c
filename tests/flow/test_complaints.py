"""What shoppers report about stalls: without a name, once, to those whom it concerns, and answered."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from invoice_service.domain.complaint import BadComplaint, UnknownComplaint
from invoice_service.domain.listing import BadListing
from invoice_service.domain.order import UnknownStall
from invoice_service.domain.policy import NotAllowed, OutOfScope
from invoice_service.flow import complain
from invoice_service.flow.once import BadIdempotencyKey
from invoice_service.queries import access, complaints, market
from invoice_service.store.idempotency import KeyReused
from tests.people import Town, town

KEY = "0123456789abcdef-{}"
REFUSED = {"kind": "invoice_refused", "words": "摊主说没有发票\r\n<script>alert(1)</script>"}


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    """With the complaint that every town has, which is about A01."""
    with town(tmp_path, migrated_database_url) as made:
        yield made


def first_id(place: Town) -> UUID:
    found: UUID = place.ask("SELECT min(id::text)::uuid FROM complaints")
    return found


def test_told_answered_and_read_without_a_name(place: Town) -> None:
    token = complain.complain(place.services, "A01", REFUSED, idempotency_key=KEY)
    seen = complaints.of_holder(place.services, token, "en")
    assert (seen.stall_code, seen.vendor_name, seen.answers) == ("A01", "Li Xiuying", ())
    assert seen.words == "摊主说没有发票\n<script>alert(1)</script>"
    columns = place.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'complaints'")
    assert {row["column_name"] for row in columns} == {
        "id", "market_id", "stall_id", "vendor_id", "kind", "words", "token_hash", "created_at",
        "answered_at",
    }  # fmt: skip
    assert token not in str(place.rows("SELECT * FROM complaints"))
    for name, words in (("operator", "We spoke with the stall."), ("officer", "We will look at it.")):
        complain.answer(place.services, place.actor(name), seen.id, words)
    again = complaints.of_holder(place.services, token, "en")
    assert [(one.office, one.words) for one in again.answers] == [
        ("market", "We spoke with the stall."), ("tax", "We will look at it.")
    ]  # fmt: skip
    records, _ = access.records(place.services, place.actor("vendor"), whose="others")
    assert [one.action.value for one in records if one.action.value.startswith("complaint")] == [
        "complaint.answer", "complaint.answer"
    ], "the vendor reads that it was answered"  # fmt: skip


def test_lists_hold_what_concerns_the_reader(place: Town) -> None:
    for n in range(3):
        complain.complain(place.services, "A02", REFUSED, idempotency_key=KEY.format(n))
    complain.complain(place.services, "B01", REFUSED, idempotency_key=KEY.format("b"))

    def codes(name: str, **wanted: object) -> list[str]:
        found = complaints.listed(place.services, place.actor(name), "en", **wanted)  # type: ignore[arg-type]
        return [row.stall_code for row in found.rows]

    assert codes("operator") == codes("officer") == ["A02", "A02", "A02", "A01"]
    assert codes("operator_2") == codes("officer_2") == ["B01"]
    assert codes("admin", market_code="KM01") == codes("officer_2", market_code="KM01") == ["B01"]
    with pytest.raises(OutOfScope):
        codes("officer", market_code="KM01")
    complain.answer(place.services, place.actor("operator"), first_id(place), "Seen to.")
    assert codes("operator") == ["A02", "A02", "A02"]
    assert codes("operator", state="answered") == ["A01"]
    page = complaints.listed(place.services, place.actor("operator"), "en", state="all", limit=3)
    rest = complaints.listed(
        place.services, place.actor("operator"), "en", state="all", limit=3, after=page.next_key
    )
    assert ([row.stall_code for row in rest.rows], rest.next_key) == (["A01"], None)
    with pytest.raises(BadListing):
        codes("operator", state="waiting' OR 1=1 --")
    assert market.overview(place.services, place.actor("operator"), "en").complaints == 3


def test_threats_1_and_2_of_another_market_nothing_is_there(place: Town) -> None:
    ours = first_id(place)
    for name, error in (("operator_2", OutOfScope), ("officer_2", OutOfScope), ("vendor_2", OutOfScope),
                        ("vendor", OutOfScope), ("next_door", OutOfScope)):  # fmt: skip
        with pytest.raises((error, NotAllowed)):
            complaints.one(place.services, place.actor(name), "en", ours)
        with pytest.raises((error, NotAllowed)):
            complain.answer(place.services, place.actor(name), ours, "Nothing to see here.")
    with pytest.raises(UnknownComplaint):
        complaints.one(place.services, place.actor("operator"), "en", UUID(int=1))
    with pytest.raises(UnknownComplaint):
        complaints.of_holder(place.services, "A" * 22, "en")
    assert place.ask("SELECT count(*) FROM complaint_answers") == 0


def test_threat_10_sent_many_times_at_once_it_is_one(place: Town) -> None:
    def send(_: int) -> str:
        return complain.complain(place.services, "A02", REFUSED, idempotency_key=KEY)

    with ThreadPoolExecutor(4) as senders:
        tokens = set(senders.map(send, range(8)))
    assert len(tokens) == 1
    assert place.ask("SELECT count(*) FROM complaints") == 2
    with pytest.raises(KeyReused):
        complain.complain(place.services, "A01", REFUSED, idempotency_key=KEY)


@pytest.mark.parametrize(
    ("stall", "given", "error"),
    [
        ("Z99", REFUSED, UnknownStall),
        ("", REFUSED, UnknownStall),
        ("A0\u00001", REFUSED, UnknownStall),
        ("A01", {"kind": ""}, BadComplaint),
        ("A01", {"kind": "refund"}, BadComplaint),
        ("A01", {"kind": "other"}, BadComplaint),
        ("A01", {"kind": "other", "words": "abc"}, BadComplaint),
        ("A01", {"kind": "invoice_refused", "words": "x" * 501}, BadComplaint),
        ("A01", {"kind": "invoice_refused", "words": "abcd\u0000"}, BadComplaint),
        ("A01", {"kind": "invoice_refused", "words": "abcd\u202e"}, BadComplaint),
    ],
)
def test_what_is_refused_leaves_nothing(
    place: Town, stall: str, given: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        complain.complain(place.services, stall, given, idempotency_key=KEY)
    with pytest.raises(BadIdempotencyKey):
        complain.complain(place.services, "A01", REFUSED, idempotency_key="short")
    with pytest.raises(BadComplaint):
        complain.answer(place.services, place.actor("operator"), first_id(place), " ok ")
    assert place.ask("SELECT count(*) FROM complaints") == 1
    assert place.ask("SELECT count(*) FROM complaint_answers") == 0
