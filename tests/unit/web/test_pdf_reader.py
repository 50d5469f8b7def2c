"""The browser's reader of PDFs: what ours, other writers' and hostile ones carry, beside what pypdf says."""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import subprocess
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pypdf.generic import EncodedStreamObject, StreamObject

from invoice_service.documents.cms import signer_of
from invoice_service.documents.pdf import invoice_pdf
from invoice_service.documents.signed import signed
from scripts.lib import assets
from tests.unit.documents.test_pdf import BUYER, LEDGER_LINE, SIGNED_URL, VERIFY_PAGE, invoice, line
from tests.unit.documents.test_signed import keys_in

RUNNER = Path(__file__).with_name("pdfs.mjs")
EVIDENCE = json.dumps({"some": "evidence", "名": "小白菜"}, ensure_ascii=False).encode()
FOUND = hashlib.sha256(EVIDENCE).hexdigest()


@pytest.fixture(scope="module")
def ours() -> bytes:
    return invoice_pdf(
        invoice(line()), BUYER, link=SIGNED_URL, verify_page=VERIFY_PAGE, ledger_line=LEDGER_LINE,
        evidence_json=EVIDENCE,
        fonts=assets.ROOT / "node_modules" / "@expo-google-fonts" / "noto-sans-sc",
    )  # fmt: skip


def read(node: Path, bundle: Path, folder: Path, files: Mapping[str, bytes]) -> dict[str, str | None]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    command = [node, RUNNER, bundle, *(folder / name for name in files)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    said = map(json.loads, answer.stdout.splitlines())
    return {Path(one["file"]).name: one["found"] for one in said}


def by_pypdf(*attached: tuple[str, bytes], compress: bool = False) -> bytes:
    """A PDF with a classic table of cross-references."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    for name, data in attached:
        writer.add_attachment(name, data)
    if compress:
        for number, found in enumerate(writer._objects):
            if isinstance(found, StreamObject) and not isinstance(found, EncodedStreamObject):
                writer._objects[number] = found.flate_encode()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def by_hand(*, predictor: int = 1, length: int | None = None, packed: bytes | None = None) -> bytes:
    """As newer writers do: the tree of names in an object stream, cross-references in a stream."""
    stream = zlib.compress(EVIDENCE) if packed is None else packed
    objects = [
        b"<</Type/Catalog/Names 2 0 R>>",
        b"<</EmbeddedFiles<</Kids[3 0 R]>>>>",
        b"<</Names[(evidence.json)4 0 R]>>",
        b"<</Type/Filespec/F(evidence.json)/EF<</F 5 0 R>>>>",
    ]
    starts = [sum(len(one) + 1 for one in objects[:n]) for n in range(len(objects))]
    index = " ".join(f"{n + 1} {start}" for n, start in enumerate(starts)).encode() + b" "
    packed_objects = zlib.compress(index + b" ".join(objects))
    out = bytearray(b"%PDF-1.7\n")
    places = {6: len(out)}
    out += b"6 0 obj<</Type/ObjStm/N 4/First %d/Filter/FlateDecode/Length %d>>stream\n" % (
        len(index), len(packed_objects),
    ) + packed_objects + b"\nendstream endobj\n"  # fmt: skip
    places[5] = len(out)
    out += b"5 0 obj<</Filter/FlateDecode/Length %d>>stream\r\n" % (length or len(stream))
    out += stream + b"\nendstream endobj\n"
    places[7] = len(out)
    rows = [struct.pack(">BIB", 0, 0, 0)]
    rows += [struct.pack(">BIB", 2, 6, n) for n in range(4)]
    rows += [struct.pack(">BIB", 1, places[n], 0) for n in (5, 6, 7)]
    table = zlib.compress(predicted(rows, predictor))
    parms = b"/DecodeParms<</Predictor %d/Columns 6>>" % predictor if predictor > 1 else b""
    out += b"7 0 obj<</Type/XRef/Size 8/W[1 4 1]/Root 1 0 R/Filter/FlateDecode%s/Length %d>>stream\n" % (
        parms, len(table),
    ) + table + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % places[7]  # fmt: skip
    return bytes(out)


def predicted(rows: list[bytes], predictor: int) -> bytes:
    """Each row as its difference from the one above, which is PNG's second filter."""
    if predictor == 1:
        return b"".join(rows)
    above = [bytes(6), *rows]
    return b"".join(
        b"\2" + bytes((now - before) % 256 for before, now in zip(up, row, strict=True))
        for up, row in zip(above, rows, strict=False)
    )


def test_what_pdfs_carry(node: Path, library: Path, ours: bytes, tmp_path: Path) -> None:
    added_to = io.BytesIO()
    writer = pypdf.PdfWriter(io.BytesIO(ours), incremental=True)
    writer.add_metadata({"/Changed": "since"})
    writer.write(added_to)
    good = {
        "ours.pdf": ours,
        "signed.pdf": signed(ours, signer_of(keys_in(tmp_path)), datetime.now(UTC), reason="Issued"),
        "added-to.pdf": added_to.getvalue(),
        "pypdf.pdf": by_pypdf(("evidence.json", EVIDENCE)),
        "pypdf-packed.pdf": by_pypdf(("evidence.json", EVIDENCE), compress=True),
        "pypdf-many.pdf": by_pypdf(("a.txt", b"a"), ("evidence.json", EVIDENCE), ("z.txt", b"z")),
        "streams.pdf": by_hand(),
        "predicted.pdf": by_hand(predictor=12),
    }
    assert read(node, library, tmp_path, good) == dict.fromkeys(good, FOUND)
    for data in good.values():
        assert pypdf.PdfReader(io.BytesIO(data)).attachments["evidence.json"] == [EVIDENCE]


def test_what_is_refused(node: Path, library: Path, ours: bytes, tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(60_000_000), 9)
    bad = {
        "none.pdf": by_pypdf(),
        "another.pdf": by_pypdf(("evidence.txt", EVIDENCE)),
        "two.pdf": by_pypdf(("evidence.json", EVIDENCE), ("evidence.json", EVIDENCE)),
        "bomb.pdf": by_hand(packed=bomb),
        "long.pdf": by_hand(packed=zlib.compress(b"x" * 256_001)),
        "cut.pdf": by_hand(length=5),
        "half.pdf": ours[: len(ours) // 2],
        "header.pdf": b"%PDF-1.7\n",
        "circle.pdf": circle(),
        "deep.pdf": b"%PDF-1.7\nxref\n0 0\ntrailer" + b"<</A" * 50_000 + b"startxref\n9\n%%EOF",
        "no.pdf": b"PK\3\4" + EVIDENCE,
    }
    assert read(node, library, tmp_path, bad) == dict.fromkeys(bad)


def circle() -> bytes:
    """Its cross-references lead to themselves, and so does its tree of names."""
    body = b"%PDF-1.7\n1 0 obj<</Names<</EmbeddedFiles 2 0 R>>>>endobj\n2 0 obj<</Kids[2 0 R 2 0 R]>>endobj\n"
    table = b"".join(b"%010d 00000 n \n" % body.index(b"%d 0 obj" % n) for n in (1, 2))
    xref = b"xref\n0 1\n0000000000 65535 f \n1 2\n" + table
    tail = b"trailer<</Root 1 0 R/Size 3/Prev %d>>startxref\n%d\n%%%%EOF\n" % (len(body), len(body))
    return body + xref + tail


def test_spoilt_ones_end_well(node: Path, library: Path, ours: bytes, tmp_path: Path) -> None:
    """Whatever the bytes: the attachment, or a refusal, and soon."""
    chance = random.Random(7)  # noqa: S311 - the same ones on every run
    spoilt: dict[str, Any] = {}
    for n in range(150):
        data = bytearray((ours, by_hand(), by_hand(predictor=12))[n % 3])
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(9, len(data))] = chance.randrange(256)
        spoilt[f"{n}.pdf"] = bytes(data)
    assert set(read(node, library, tmp_path, spoilt)) == set(spoilt)
