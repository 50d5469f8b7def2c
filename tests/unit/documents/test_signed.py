"""Signed PDFs, judged by pyHanko, which had no part in making them and opened by qpdf and pypdf."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pypdf
import pytest
from asn1crypto import pem
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

from invoice_service import keyring
from invoice_service.documents.cms import signer_of
from invoice_service.documents.signed import signed
from tests.unit.documents.test_pdf import EVIDENCE, invoice, line, pdf

MADE_AT = datetime(2026, 11, 23, tzinfo=UTC)
SIGNED_AT = datetime(2026, 11, 23, 16, 26, 51, tzinfo=UTC)
PLAIN = pdf(invoice(line()))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> keyring.Keyring:
    return keys_in(tmp_path_factory.mktemp("keys"))


def keys_in(folder: Path) -> keyring.Keyring:
    keyring.make_missing(folder, now=MADE_AT, issuer_name="Test market")
    return keyring.load(folder)


def sign(keys: keyring.Keyring, data: bytes = PLAIN) -> bytes:
    return signed(data, signer_of(keys), SIGNED_AT, reason="Issued")


def judged(data: bytes, keys: keyring.Keyring, *, at: datetime = SIGNED_AT) -> PdfSignatureStatus:
    _, _, root = pem.unarmor(keys.root_certificate.encode())
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(root)], allow_fetching=False, moment=at
    )
    [signature] = PdfFileReader(io.BytesIO(data)).embedded_signatures
    return validate_pdf_signature(signature, context)


def test_it_is_valid_for_whoever_trusts_the_issuers_root(keys: keyring.Keyring) -> None:
    status = judged(sign(keys), keys)
    assert status.bottom_line
    assert (status.valid, status.intact, status.trusted, status.docmdp_ok) == (True, True, True, True)
    assert status.coverage.name == "ENTIRE_FILE"
    assert status.signing_cert.subject.native == {"common_name": "Test market PDF"}
    assert status.md_algorithm == "sha256"


def test_it_is_of_the_baseline_that_it_claims(keys: keyring.Keyring) -> None:
    [signature] = PdfFileReader(io.BytesIO(sign(keys))).embedded_signatures
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.sig_object["/M"] == "D:20261123162651Z"
    kinds = {attribute["type"].native for attribute in signature.signer_info["signed_attrs"]}
    assert kinds == {"content_type", "message_digest", "signing_certificate_v2"}
    assert signature.docmdp_level is not None
    assert signature.docmdp_level.name == "NO_CHANGES"


def test_another_root_does_not_vouch_for_it(keys: keyring.Keyring, tmp_path: Path) -> None:
    status = judged(sign(keys), keys_in(tmp_path))
    assert (status.intact, status.trusted) == (True, False)


@pytest.mark.parametrize("place", [100, len(PLAIN) // 2, len(PLAIN) - 50, len(PLAIN) + 100])
def test_a_bit_changed_breaks_it(keys: keyring.Keyring, place: int) -> None:
    data = bytearray(sign(keys))
    data[place] ^= 1
    status = judged(bytes(data), keys)
    assert not status.intact
    assert not status.bottom_line


def test_the_same_page_is_the_same_file(keys: keyring.Keyring) -> None:
    assert sign(keys) == sign(keys)


def test_the_page_before_is_in_it_whole_and_readers_find_no_fault(keys: keyring.Keyring) -> None:
    data = sign(keys)
    assert data.startswith(PLAIN)
    with pikepdf.open(io.BytesIO(data)) as file:
        assert file.check_pdf_syntax() == []
        assert bytes(file.attachments["evidence.json"].get_file().read_bytes()) == EVIDENCE
    assert pypdf.PdfReader(io.BytesIO(data)).attachments["evidence.json"] == [EVIDENCE]


def test_the_signature_field_is_as_the_archive_format_wants_it(keys: keyring.Keyring) -> None:
    """ISO 19005-3, 6.3.2 and 6.4: printed, without a size so without an appearance, nothing to regenerate."""
    with pikepdf.open(io.BytesIO(sign(keys))) as file:
        [widget] = file.pages[0].Annots
        assert widget.Subtype == "/Widget"
        assert int(widget.F) & 0b100111 == 0b100  # Print; neither Invisible, Hidden nor NoView
        assert [int(side) for side in widget.Rect] == [0, 0, 0, 0]
        assert "/NeedAppearances" not in file.Root.AcroForm
        assert set(file.Root.Perms.keys()) == {"/DocMDP"}
        assert b"/ID" in data_of_trailer(sign(keys))


@pytest.mark.parametrize(
    "bad", [b"", b"%PDF-1.7\n", PLAIN[:-9], b"%PDF-1.7\ntrailer\n<<>>\nstartxref\n0\n%%EOF"]
)
def test_another_shape_of_file_is_refused(keys: keyring.Keyring, bad: bytes) -> None:
    with pytest.raises(ValueError, match="Typst"):
        sign(keys, bad)


def test_what_is_signed_is_not_signed_again(keys: keyring.Keyring) -> None:
    with pytest.raises(ValueError, match="Typst"):
        sign(keys, sign(keys))


def data_of_trailer(data: bytes) -> bytes:
    return data[data.rindex(b"trailer") :]


def test_what_is_added_afterwards_is_found_out(keys: keyring.Keyring) -> None:
    changed = io.BytesIO()
    writer = pypdf.PdfWriter(io.BytesIO(sign(keys)), incremental=True)
    writer.add_blank_page(100, 100)
    writer.write(changed)
    status = judged(changed.getvalue(), keys)
    assert status.intact
    assert not status.bottom_line
