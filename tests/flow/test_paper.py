"""The PDF of an invoice as the service hands it out: signed, on every paper, the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509

from invoice_service.documents.attached import attached_evidence
from invoice_service.domain.listing import BadListing
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.flow import issue, order, pay, seal
from invoice_service.queries import documents
from tests.payer import PaysWhenAsked
from tests.people import Town, town
from tests.unit.documents.test_signed import judged


@pytest.fixture(scope="module")
def bought(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str
) -> Iterator[tuple[Town, str]]:
    """A town, and the token of an invoice that was issued there."""
    with town(tmp_path_factory.mktemp("town"), module_migrated_database_url) as made:
        provider = PaysWhenAsked(lambda: datetime.now(UTC))
        place = replace(made, services=replace(made.services, providers={provider.name: provider}))
        placed = order.place(place.services, "A01", PlainAmount(4_321))
        pay.start(place.services, placed.token, "pays-when-asked")
        pay.check(place.services, placed.token)
        token = issue.issue(place.services, placed.token, make_buyer("individual", "", None)).token
        seal.seal(place.services)
        yield place, token


@pytest.mark.parametrize("paper", documents.PAPERS)
def test_it_is_signed_under_the_issuers_root_and_carries_its_evidence(
    bought: tuple[Town, str], paper: str
) -> None:
    place, token = bought
    number, data = documents.pdf(place.services, token, paper)
    status = judged(data, place.services.keyring, at=place.services.clock())
    assert status.bottom_line
    assert status.docmdp_ok
    assert attached_evidence(data).body["number"] == number
    assert documents.pdf(place.services, token, paper) == (number, data)


def test_the_ways_to_it(bought: tuple[Town, str]) -> None:
    place, token = bought
    number = documents.evidence(place.services, token)[0]
    browser = place.browser()
    bearer = {"Authorization": f"Bearer {token}"}
    for path, headers in ((f"/i/{token}/pdf", {}), (f"/api/v1/invoices/{number}/pdf", bearer)):
        sizes = {
            len(browser.get(path, query_string={"format": paper}, headers=headers).data)
            for paper in documents.PAPERS
        }
        assert len(sizes) == len(documents.PAPERS)
        assert browser.get(path, headers=headers).data == documents.pdf(place.services, token)[1]
        assert browser.get(path, query_string={"format": "a4"}, headers=headers).status_code == 422
    with pytest.raises(BadListing):
        documents.pdf(place.services, token, "a4")


def test_the_root_can_be_fetched_by_whoever_is_to_trust_it(bought: tuple[Town, str]) -> None:
    place, _ = bought
    answer = place.browser().get("/issuer.crt")
    root = x509.load_pem_x509_certificate(answer.data)
    own = x509.load_pem_x509_certificate(place.services.keyring.paper_certificate.encode())
    own.verify_directly_issued_by(root)
    assert answer.mimetype == "application/x-x509-ca-cert"
    assert root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    usage = own.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)
