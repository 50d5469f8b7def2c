"""What ISO 19005-3 (PDF/A-3b) asks of our files, signed ones too, read back with qpdf: clause by clause."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from invoice_service.documents.cms import signer_of
from tests.unit.documents.test_pdf import EVIDENCE, Body, credit_note, invoice, line, pdf
from tests.unit.documents.test_signed import keys_in

XML = "<发票><名称>小白菜 &amp; 米线</名称></发票>".encode()
BODIES = {"invoice": invoice(*(line(f"菜{i}") for i in range(40))), "note": credit_note(line())}


@pytest.fixture(scope="module", params=BODIES)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    body: Body = BODIES[request.param]
    keys = keys_in(tmp_path_factory.mktemp("keys"))
    return pdf(body, xml=XML, signer=signer_of(keys))


@pytest.fixture
def file(data: bytes) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(data)) as opened:
        yield opened


def test_6_1_the_structure_is_sound(data: bytes, file: pikepdf.Pdf) -> None:
    assert file.check_pdf_syntax() == []
    assert not file.is_encrypted
    assert data.startswith(b"%PDF-1.7\n%")
    assert all(byte > 127 for byte in data[10:14])
    assert len(file.trailer.ID) == 2
    assert b"/LZWDecode" not in data


def test_6_2_colours_have_their_meaning_with_them(file: pikepdf.Pdf) -> None:
    [intent] = file.Root.OutputIntents
    assert intent.S == "/GTS_PDFA1"
    profile = intent.DestOutputProfile
    assert int(profile.N) == 3
    assert profile.read_bytes()[36:40] == b"acsp"  # an ICC profile


def test_6_2_11_every_font_is_embedded(file: pikepdf.Pdf) -> None:
    fonts = [
        one for one in file.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/Font"
    ]
    described = [one.FontDescriptor for one in fonts if "/FontDescriptor" in one]
    assert described
    for descriptor in described:
        assert {"/FontFile2", "/FontFile3"} & set(descriptor.keys())
    assert all("/ToUnicode" in one for one in fonts if one.Subtype == "/Type0")


def test_6_5_and_6_6_nothing_acts_by_itself(file: pikepdf.Pdf) -> None:
    assert not {"/OpenAction", "/AA"} & set(file.Root.keys())
    for one in file.objects:
        assert not (isinstance(one, pikepdf.Dictionary) and one.get("/S") in ("/JavaScript", "/Launch"))


def test_6_6_it_says_what_it_is(file: pikepdf.Pdf) -> None:
    with file.open_metadata() as said:
        assert (said["pdfaid:part"], said["pdfaid:conformance"]) == ("3", "B")
        assert said["dc:title"] == str(file.docinfo["/Title"])
        assert said["dc:creator"] == [str(file.docinfo["/Author"])]


def test_6_8_what_is_attached_says_what_it_is_to_the_page(file: pikepdf.Pdf) -> None:
    expected = {
        "evidence.json": ("/Data", "/application/json", EVIDENCE),
        "invoice.xml": ("/Alternative", "/application/xml", XML),
    }
    associated = {str(one.UF): one for one in file.Root.AF}
    assert set(associated) == set(expected) == set(file.attachments)
    for name, (relationship, kind, content) in expected.items():
        found = associated[name]
        assert (found.Type, str(found.F), found.AFRelationship) == ("/Filespec", name, relationship)
        assert str(found.Desc).startswith("电子发票（普通发票） 26539")
        stream = found.EF.F
        assert (stream.Type, stream.Subtype) == ("/EmbeddedFile", kind)
        assert {"/ModDate", "/Size"} <= set(stream.Params.keys())
        assert stream.read_bytes() == content


def test_without_anything_to_attach_nothing_is(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(pdf(invoice(line()), evidence_json=None))) as opened:
        assert len(opened.attachments) == 0
        assert "/AF" not in opened.Root
