"""The evidence that a file is, or carries: a JSON file itself, or the one attachment of a PDF."""

from __future__ import annotations

import io

import pypdf

from invoice_service.errors import N_
from invoice_service.ledger import evidence as ev

ATTACHMENT = "evidence.json"
UNREADABLE = N_("This is not an evidence file, nor a PDF that carries one.")


def attached_evidence(data: bytes) -> ev.Evidence:
    """The evidence that a JSON file is, or that a PDF carries. Raises NotEvidence."""
    return ev.parse(_attached(data) if is_pdf(data) else data)


def is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-")


def _attached(data: bytes) -> bytes:
    """The evidence in a PDF. Raises NotEvidence; a hostile PDF costs no more than its size."""
    try:
        found = pypdf.PdfReader(io.BytesIO(data)).attachments.get(ATTACHMENT, [])
    except Exception as error:  # a stranger's file makes a parser raise anything; whatever it is, we say no
        raise ev.NotEvidence("the PDF cannot be read") from error
    if len(found) != 1:
        raise ev.NotEvidence("the PDF carries no evidence")
    return found[0]
