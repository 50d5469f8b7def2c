"""Signed links: 110 characters that read back as they were written, and nothing else is one."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoice_service.documents import qr
from invoice_service.ledger import link, statement
from invoice_service.ledger.entry import Kind
from invoice_service.ledger.link import Facts, Judgement, NotALink
from tests.unit.ledger.evidence_files import Issuer
from tests.unit.ledger.vectors import load, named

VECTORS = load("link.json")
ISSUER = Issuer()
FACTS = st.builds(
    Facts,
    st.sampled_from([Kind.INVOICE, Kind.CREDIT_NOTE]),
    st.text("0123456789", min_size=20, max_size=20),
    st.dates(date(1970, 1, 1), date(2149, 6, 6)),
    st.integers(0, link.TOTAL_MAX_FEN),
)
CODE = VECTORS["good"][0]["code"]
URL_30 = "https://invoices.market.com.cn"
SIDE_MM = 20.0
LEAST_MODULE_MM = 0.33


def code_of(facts: Facts) -> str:
    return link.code_of(facts, issuer_id=ISSUER.id, key=ISSUER.working)


def judged(code: str) -> Judgement:
    return link.judge(link.read(code), ISSUER.statement, trusted_issuer=ISSUER.id)


@given(FACTS)
def test_a_link_reads_back_and_is_signed(facts: Facts) -> None:
    code = code_of(facts)
    assert len(code) == link.CODE_CHARACTERS
    assert code == code_of(facts)  # paper that is made again is the same
    assert link.read(code).facts == facts
    assert judged(code) == Judgement("signed", "holds")


@given(FACTS, FACTS)
def test_a_signature_holds_for_its_own_facts_alone(facts: Facts, others: Facts) -> None:
    moved = code_of(facts)[:24] + code_of(others)[24:]  # 18 bytes are 24 characters
    assert judged(moved).verdict == ("signed" if facts == others else "unsigned")


@given(st.integers(0, link.CODE_CHARACTERS - 1), st.sampled_from("AQgwz09-_"))
def test_no_changed_character_goes_unseen(place: int, character: str) -> None:
    changed = CODE[:place] + character + CODE[place + 1 :]
    try:
        assert judged(changed).verdict == ("signed" if changed == CODE else "unsigned")
    except NotALink:
        assert changed != CODE


@given(st.text(max_size=200) | st.text("AZaz09-_", min_size=110, max_size=110))
@example(CODE[:-1] + "９")
@example("٣" * 110)
@example("\0" * 110)
def test_any_text_is_a_link_or_refused(text: str) -> None:
    for found in (text, link.code_in(text)):
        try:
            assert found is None or len(link.read(found).signature) == 64
        except NotALink:
            assert found != CODE


@pytest.mark.parametrize(
    "text",
    [CODE * 100, f"https://x.cn/v/{CODE}?{'a' * 10_000}", "https://" + "/v/" * 3_500 + CODE, " " * 10_000],
    ids=["a code over and over", "a long query", "a long path", "spaces"],
)
def test_ten_kilobytes_are_no_link_and_take_no_time(text: str) -> None:
    started_s = time.process_time()
    assert link.code_in(text) is None
    with pytest.raises(NotALink):
        link.read(text)
    assert time.process_time() - started_s < 0.05


@pytest.mark.parametrize("case", named(VECTORS["good"]))
def test_good_vectors(case: dict[str, Any]) -> None:
    facts = Facts(Kind(case["kind"]), case["number"], date.fromisoformat(case["day"]), case["total_fen"])
    assert facts.encode().hex() == case["facts"]
    assert code_of(facts) == case["code"]
    assert link.read(case["code"]).facts == facts


@pytest.mark.parametrize("case", named(VECTORS["cases"]))
def test_what_is_said_of_a_link(case: dict[str, Any]) -> None:
    signed = VECTORS["statements"].get(case["statement"])
    pin = VECTORS["pins"].get(case["pin"])
    found = link.judge(
        link.read(case["code"]),
        signed and statement.open_signed(signed),
        trusted_issuer=pin and bytes.fromhex(pin),
    )
    assert found == Judgement(case["verdict"], case["reason"])


@pytest.mark.parametrize("case", named(VECTORS["bad"]))
def test_bad_vectors(case: dict[str, Any]) -> None:
    with pytest.raises(NotALink):
        link.read(case["code"])


@pytest.mark.parametrize("case", VECTORS["scanned"], ids=lambda case: ascii(case["text"])[:60])
def test_the_code_in_what_was_scanned(case: dict[str, Any]) -> None:
    assert link.code_in(case["text"]) == case["code"]


def test_what_does_not_fit_is_not_cut_off() -> None:
    fits = link.read(CODE).facts
    for beyond in ({"total_fen": 2**48}, {"total_fen": -1}, {"number": "9" * 22}):
        with pytest.raises(OverflowError):
            code_of(replace(fits, **beyond))


def test_it_is_scanned_from_paper_at_two_centimetres() -> None:
    """At most 150 characters, and modules of a third of a millimetre with the quiet zone within the 2 cm."""
    assert len(URL_30) == 30
    url = link.address(URL_30, code_of(link.read(CODE).facts))
    assert len(url) == 143
    assert SIDE_MM / len(qr.modules(url)) >= LEAST_MODULE_MM
