"""The browser's reader of PDFs: what ours, other writers' and hostile ones carry, beside what pypdf says."""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest

from invoice_service.documents.cms import signer_of
from invoice_service.documents.pdf import invoice_pdf
from invoice_service.documents.signed import signed
from scripts.lib import assets
from tests.strangers_pdfs import EVIDENCE, by_hand, by_pypdf, circle, costly
from tests.unit.documents.test_pdf import BUYER, LEDGER_LINE, SIGNED_URL, VERIFY_PAGE, invoice, line
from tests.unit.documents.test_signed import keys_in

RUNNER = Path(__file__).with_name("pdfs.mjs")
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
        "no.pdf": b"PK\3\4" + EVIDENCE,
    } | {f"{name}.pdf": data for name, data in costly().items()}
    assert read(node, library, tmp_path, bad) == dict.fromkeys(bad)


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
