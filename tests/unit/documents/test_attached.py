"""The server's reader of PDFs: what others' carry is read where it can be, and none of them costs much."""

from __future__ import annotations

import io
import json
import resource
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pypdf
import pytest

from invoice_service.documents.attached import attached_evidence
from invoice_service.documents.cms import signer_of
from invoice_service.documents.signed import signed
from invoice_service.ledger import evidence as ev
from tests.strangers_pdfs import by_hand, by_pypdf, circle, costly
from tests.unit.documents.test_pdf import invoice, line, pdf
from tests.unit.documents.test_signed import keys_in
from tests.unit.ledger.vectors import load

PROOF = json.dumps(load("evidence.json")["files"]["invoice"], ensure_ascii=False).encode()
FOUND = ev.parse(PROOF)
OURS = pdf(invoice(line()), evidence_json=PROOF)
PLAIN = by_pypdf(("evidence.json", PROOF))
PACKED = by_hand(packed=zlib.compress(PROOF))


def saved_again(data: bytes, **how: object) -> bytes:
    """By qpdf, as tools that shrink, protect or repair do."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as file:
        file.save(out, **how)
    return out.getvalue()


def added_to(data: bytes, times: int) -> bytes:
    for n in range(times):
        out = io.BytesIO()
        writer = pypdf.PdfWriter(io.BytesIO(data), incremental=True)
        writer.add_metadata({"/Changed": str(n)})
        writer.write(out)
        data = out.getvalue()
    return data


def locked(user: str) -> bytes:
    return saved_again(OURS, encryption=pikepdf.Encryption(user=user, owner="theirs"))


OBJECT_STREAMS = pikepdf.ObjectStreamMode.generate
READABLE = {
    "ours": OURS,
    "another program's": PLAIN,
    "among other attachments": by_pypdf(("a.txt", b"a"), ("evidence.json", PROOF), ("z.txt", b"z")),
    "object streams": PACKED,
    "object streams, predicted": by_hand(packed=zlib.compress(PROOF), predictor=12),
    "ours in object streams": saved_again(OURS, object_stream_mode=OBJECT_STREAMS),
    "made for the web": saved_again(OURS, linearize=True, object_stream_mode=OBJECT_STREAMS),
    "added to five times": added_to(OURS, 5),
    "not to be printed": locked(""),
}
COSTLY = costly()
UNREADABLE = {
    "with a password": locked("secret"),
    "without an attachment": by_pypdf(),
    "with another attachment": by_pypdf(("evidence.txt", PROOF)),
    "with two": by_pypdf(("evidence.json", PROOF), ("evidence.json", PROOF)),
    "with something else of that name": by_pypdf(("evidence.json", b'{"some": "evidence"}')),
    "too long": by_hand(packed=zlib.compress(PROOF + bytes(ev.MAX_BYTES - len(PROOF) + 1))),
    "another length": by_hand(packed=zlib.compress(PROOF), length=5),
    "half of ours": OURS[: len(OURS) // 2],
    "ours but for its end": OURS[:-20],
    "half of another's": PACKED[: len(PACKED) // 2],
    "only a header": b"%PDF-1.7\n",
    "circles": circle(),
} | COSTLY


@pytest.mark.parametrize("case", READABLE)
def test_what_is_read(case: str) -> None:
    assert attached_evidence(READABLE[case]) == FOUND


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_refused(case: str) -> None:
    with pytest.raises(ev.NotEvidence):
        attached_evidence(UNREADABLE[case])


def test_a_strangers_signature_neither_helps_nor_hinders(tmp_path: Path) -> None:
    """Their PDF is theirs; the evidence in it is judged by itself."""
    theirs = signer_of(keys_in(tmp_path))
    now = datetime.now(UTC)
    assert attached_evidence(signed(PLAIN, theirs, now, reason="Issued")) == FOUND
    with pytest.raises(ev.NotEvidence):
        attached_evidence(signed(by_pypdf(), theirs, now, reason="Issued"))


def test_an_attachment_as_long_as_evidence_may_be() -> None:
    longest = PROOF + b" " * (ev.MAX_BYTES - len(PROOF))
    assert attached_evidence(by_pypdf(("evidence.json", longest))) == FOUND
    assert attached_evidence(by_hand(packed=zlib.compress(longest))) == FOUND


def test_a_hostile_one_costs_little() -> None:
    """Memory is measured in this process, whose peak so far is the floor."""
    before_kb, started_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for data in COSTLY.values():
        with pytest.raises(ev.NotEvidence):
            attached_evidence(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000
    assert time.process_time() - started_s < 3
