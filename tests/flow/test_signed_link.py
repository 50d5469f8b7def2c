"""What the code on an invoice opens: judged by our signature first, and only then looked up."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from invoice_service import keyring
from invoice_service.documents import qr
from invoice_service.domain.numbering import NOT_SIGNED, business_day
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.standing import Standing, State
from invoice_service.flow import check_pile, issue, order, pay
from invoice_service.ledger import link, statement
from invoice_service.ledger.entry import Kind
from invoice_service.ledger.link import Facts
from invoice_service.queries import checks, documents, verify
from invoice_service.queries.views import VerdictView
from invoice_service.store import deployment, statuses
from tests.payer import PaysWhenAsked
from tests.people import Town, town
from tests.qr_reader import read_qr
from tests.unit.documents.test_pdf import VERIFY_CODE_MM, scanned

DOTS_PER_MM = 300 / 25.4
SIDE_MM = 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), module_migrated_database_url) as made:
        provider = PaysWhenAsked(lambda: datetime.now(UTC))
        services = replace(made.services, providers={provider.name: provider})
        state(services, revoked_ms=None)
        yield replace(made, services=services)


def state(services: Any, *, revoked_ms: int | None) -> None:
    """The issuer statement, as it is after the contract was deployed."""
    keys, root = services.keyring, keyring.load_root(services.config.data_dir)
    entry = statement.make_working_key(keys.entry, "entry", valid_from_ms=0, revoked_ms=revoked_ms)
    said = statement.IssuerStatement(
        keys.issuer_id, "Test market", statement.public_der(root), "o", (entry,), ()
    )
    with services.database.unit_of_work() as uow:
        deployment.put_statement(uow.connection, statement.sign(said, root))
        uow.commit()


def invoice(place: Town, fen: int = 1250) -> tuple[str, Facts]:
    """(its token, what its link says)."""
    placed = order.place(place.services, "A01", PlainAmount(fen))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    issued = issue.issue(place.services, placed.token, make_buyer("individual", "", None))
    stored = place.rows("SELECT number, issued_at FROM invoices WHERE number = :number", number=issued.number)
    return issued.token, Facts(Kind.INVOICE, issued.number, business_day(stored[0]["issued_at"]), fen)


def code_of(place: Town, facts: Facts) -> str:
    keys = place.services.keyring
    return link.code_of(facts, issuer_id=keys.issuer_id, key=keys.entry)


def told(place: Town, code: str) -> VerdictView:
    return verify.verify_link(place.services, code)[0]


def test_the_code_is_the_same_each_time_and_tells_nothing_else(place: Town) -> None:
    token, facts = invoice(place)
    address = documents.signed_link(place.services, token)
    assert address == documents.signed_link(place.services, token)
    assert address == f"{place.services.config.public_url}/v/{code_of(place, facts)}"
    assert token not in address
    one, other = (documents.pdf(place.services, token)[1] for _ in range(2))
    assert one == other


def test_the_first_code_on_the_pdf_is_the_link(
    place: Town,
) -> None:
    token, _ = invoice(place)
    _, data = documents.pdf(place.services, token)
    assert read_qr(scanned(data, VERIFY_CODE_MM, dpi=150)) == documents.signed_link(place.services, token)


def test_a_print_of_two_centimetres_is_read_at_300_dpi(
    place: Town,
) -> None:
    """A module is 0.35 mm there, which is four dots of the printer: the edges fall where they may."""
    token, _ = invoice(place)
    address = documents.signed_link(place.services, token)
    grid, side = qr.modules(address), round(SIDE_MM * DOTS_PER_MM)
    places = [n * len(grid) // side for n in range(side)]
    assert SIDE_MM / len(grid) >= 0.33
    assert read_qr([[grid[y][x] == "1" for x in places] for y in places]) == address


def test_what_is_signed_and_known_is_genuine(place: Town) -> None:
    token, facts = invoice(place)
    for text in (documents.signed_link(place.services, token), code_of(place, facts)):
        found, said = verify.verify_link(place.services, text)
        assert said == facts
        assert (found.verdict, found.sentence) == ("genuine", verify.KNOWN_BY_LINK)
        assert (found.number, found.total_fen, found.status) == (facts.number, facts.total_fen, "valid")


@pytest.mark.parametrize(
    ("standing", "sentence", "status", "claim"),
    [
        (Standing(State.CLAIMED), "claimed", "valid", "claimed"),
        (Standing(State.LOCKED, since=datetime.now(UTC)), "locked", "valid", "locked"),
        (Standing(State.LOCKED, since=datetime(2026, 1, 1, tzinfo=UTC)), None, "valid", None),
        (Standing(State.FREE, notes=1), "credited_in_part", "credited_in_part", None),
        (Standing(State.CREDITED, notes=2), "credited", "credited", None),
    ],
    ids=["claimed", "locked", "a lock that lapsed", "credited in part", "credited"],
)
def test_what_became_of_it_is_told(
    place: Town, standing: Standing, sentence: str | None, status: str, claim: str | None
) -> None:
    _, facts = invoice(place)
    claimant = bytes(20) if standing.state is State.CLAIMED else None
    since = standing.since or datetime(2026, 11, 28, tzinfo=UTC)
    with place.services.database.unit_of_work() as uow:
        statuses.put_standing(uow.connection, facts.number, replace(standing, since=since, claimant=claimant))
        uow.commit()
    by_facts = verify.verify_facts(place.services, facts.number, facts.day, facts.total_fen)
    for found in (told(place, code_of(place, facts)), by_facts):
        assert (found.verdict, found.status, found.claim) == ("genuine", status, claim)
        valid = (verify.KNOWN_BY_LINK, verify.KNOWN_BY_FACTS)
        assert found.sentence in ((verify.STANDING[sentence],) if sentence else valid)
        assert found.claimed_at == (since if claim == "claimed" else None)


def changed(facts: Facts) -> list[Facts]:
    return [
        replace(facts, total_fen=facts.total_fen + 1),
        replace(facts, number=f"{int(facts.number) + 900_000}"),
        replace(facts, day=facts.day + timedelta(1)),
        replace(facts, kind=Kind.CREDIT_NOTE),
    ]


def test_a_wrong_signature_is_never_genuine_and_nothing_is_repeated(place: Town) -> None:
    _, facts = invoice(place)
    code = code_of(place, facts)
    for forged in changed(facts):
        moved = code_of(place, forged)[:24] + code[24:]
        assert verify.verify_link(place.services, moved) == (VerdictView("unknown", NOT_SIGNED), None)


def test_a_signature_alone_is_not_enough(place: Town) -> None:
    """As by a stolen key, or after a database was lost: what we do not know was not issued here."""
    _, facts = invoice(place)
    for other in changed(facts):
        found = verify.verify_link(place.services, code_of(place, other))
        assert found == (VerdictView("unknown", verify.NO_SUCH_LINK), None)


def test_by_a_revoked_key_the_service_vouches_for_what_it_knows_itself(place: Town) -> None:
    _, facts = invoice(place)
    code, later = code_of(place, facts), code_of(place, replace(facts, day=date(2148, 1, 1)))
    state(place.services, revoked_ms=int(datetime.now(UTC).timestamp() * 1000))
    known, unknown = told(place, code), told(place, later)
    state(place.services, revoked_ms=None)
    assert (known.verdict, known.sentence) == ("genuine", verify.KNOWN_BY_FACTS)
    assert (unknown.verdict, unknown.sentence) == ("unknown", NOT_SIGNED)


def test_in_an_officers_pile_a_forged_link_is_unknown(place: Town) -> None:
    token, facts = invoice(place)
    code, officer = code_of(place, facts), place.actor("officer")
    forged = code_of(place, replace(facts, total_fen=1))[:24] + code[24:]
    right_facts = code[:24] + code_of(place, replace(facts, total_fen=1))[24:]
    typed = "\n".join((documents.signed_link(place.services, token), forged, right_facts))
    check_id = check_pile.begin(place.services, officer, [], typed, "企业送来的报销发票")
    check_pile.step(place.services, officer, check_id)
    found = checks.one(place.services, officer, check_id)
    assert [(item.verdict, item.sentence == NOT_SIGNED) for item in found.items] == [
        ("genuine", False), ("unknown", True), ("unknown", True),
    ]  # fmt: skip
    assert found.items[0].number == facts.number


@pytest.mark.parametrize(
    "path",
    ["x", "A" * 110, "A" * 3_000, "%F0%9F%98%80" * 110, "%00", "%2e%2e", "<script>alert(1)"],
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_hostile_links_get_a_plain_sentence(place: Town, path: str, language: str) -> None:
    answer = place.browser().get(f"/v/{path}", headers={"Accept-Language": language})
    assert answer.status_code == 422
    said = {"zh-CN": "这不是发票上的码。", "en": "That is not the code of an invoice."}
    assert said[language] in answer.text
    assert "<script>alert" not in answer.text
    assert "verdict_" not in answer.text


def test_the_page_is_filled_in_and_the_api_says_the_same(place: Town) -> None:
    token, facts = invoice(place)
    address = documents.signed_link(place.services, token)
    english = {"Accept-Language": "en"}
    page = place.browser().get(f"/v/{code_of(place, facts)}?from=chat", headers=english)
    assert page.status_code == 200
    for field in (facts.number, facts.day.isoformat(), "12.50"):
        assert f'value="{field}"' in page.text
    assert "verdict_genuine" in page.text
    answer = place.api("nobody", "POST", "/api/v1/verify", json={"link": address}, headers=english).json
    assert answer["sentence"] == verify.KNOWN_BY_LINK
    assert (answer["verdict"], answer["number"]) == ("genuine", facts.number)
    forged = code_of(place, replace(facts, total_fen=1))[:24] + code_of(place, facts)[24:]
    page = place.browser().get(f"/v/{forged}", headers=english)
    assert "verdict_unknown" in page.text
    assert "verdict_genuine" not in page.text
    assert facts.number not in page.text
    for nothing in ("", "x" * 10_000, "😀", base64.b64encode(bytes(82)).decode()):
        answer = place.api("nobody", "POST", "/api/v1/verify", json={"link": nothing})
        assert (answer.status_code, answer.json["code"]) == (422, "verify.no_link")


def test_threat_20_unsigned_links_are_counted_as_guesses(place: Town) -> None:
    place = replace(place, made_apps=[])  # an application that has counted nothing yet
    _, facts = invoice(place)
    code = code_of(place, facts)
    forged = code_of(place, replace(facts, total_fen=1))[:24] + code[24:]
    answers = [place.browser().get(f"/v/{forged}").status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]
    assert place.browser().get(f"/v/{code}").status_code == 200, "ours is no guess"


def test_the_holders_page_shows_it_without_a_script(
    place: Town,
) -> None:
    token, _ = invoice(place)
    drawn = place.browser().get(f"/i/{token}/code.svg")
    assert drawn.mimetype == "image/svg+xml"
    assert drawn.text == qr.svg(documents.signed_link(place.services, token), title="二维码")
    assert f"/i/{token}/code.svg" in place.browser().get(f"/i/{token}").text
