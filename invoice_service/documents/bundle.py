"""Several invoices as one ZIP, and as one PDF to print.

The ZIP is made while it is sent, invoice by invoice; at any time only one invoice and the pages of the
merged PDF are in memory. The merged PDF is for a printer and a folder: a signature covers the bytes of the
file it was made for, so it cannot come along, and the evidence stays in the single files, too. The ZIP's
README says so, and so does the merged file about itself.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pypdf
from pypdf.generic import NameObject

from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import SHANGHAI

MERGED = "all-invoices.pdf"
README = "README.txt"
_ABOUT = """\
这些是您的发票（含红字发票）：{count} 张，合计 ¥{total}。
These are your invoices, and their credit notes: {count}, ¥{total} in all.

{lines}

invoices/   每张发票一个 PDF，带签名，附证据文件。报销、入账请用这些文件。
            One PDF each, signed, with its evidence attached. Use these to claim.
evidence/   证据文件：不依靠我们也能证明发票是真的。
            Evidence files: they prove an invoice without us.
xml/        给记账软件：UBL 2.1，以及中文的平面 XML。
            For accounting programs: UBL 2.1, and a flat XML in Chinese.
{merged}
            全部发票合在一起，便于打印。合并后的文件没有签名，也不附证据文件。
            All of them to print. It carries no signatures and no evidence.
"""
_MERGED_TITLE = "发票合并打印件（无签名，不附证据文件） Invoices to print, without signatures or evidence"


@dataclass(frozen=True, slots=True)
class Files:
    """An invoice, or a credit note with a negative total, as everything that it can be downloaded as."""

    number: str
    seller: str
    total_fen: int
    issued_at: datetime
    pdf: bytes
    evidence: bytes
    ubl: bytes
    flat: bytes


class Merged:
    """A PDF that grows by the pages of others."""

    def __init__(self) -> None:
        self._writer = pypdf.PdfWriter()
        self._writer.add_metadata({"/Title": _MERGED_TITLE})

    def add(self, pdf: bytes) -> None:
        for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
            kept = self._writer.add_page(page)
            kept.pop(NameObject("/Annots"), None)  # all that ours have is the field of a signature

    def to_bytes(self) -> bytes:
        self._writer.compress_identical_objects()  # the same letters of the same font, once
        file = io.BytesIO()
        self._writer.write(file)
        return file.getvalue()


def merged_pdf(pdfs: Iterable[bytes]) -> bytes:
    merged = Merged()
    for pdf in pdfs:
        merged.add(pdf)
    return merged.to_bytes()


def zip_pieces(invoices: Iterable[Files]) -> Iterator[bytes]:
    """The ZIP in pieces. What raises while an invoice is made ends it without its table of contents, so that
    no program takes half a ZIP for a whole one."""
    pipe, merged = _Pipe(), Merged()
    lines: list[str] = []
    total_fen = 0
    with zipfile.ZipFile(pipe, "w") as archive:
        for files in invoices:
            for name, data in _members(files):
                _add(archive, name, data, files.issued_at)
            merged.add(files.pdf)
            lines.append(f"{files.number}  ¥{yuan(files.total_fen)}  {files.seller}")
            total_fen += files.total_fen
            last_at = files.issued_at
            yield pipe.taken()
        _add(archive, MERGED, merged.to_bytes(), last_at)
        _add(archive, README, _readme(lines, total_fen), last_at)
    yield pipe.taken()


def _members(files: Files) -> Sequence[tuple[str, bytes]]:
    return (
        (f"invoices/{files.number}.pdf", files.pdf),
        (f"evidence/{files.number}.json", files.evidence),
        (f"xml/{files.number}.ubl.xml", files.ubl),
        (f"xml/{files.number}.flat.xml", files.flat),
    )


def _add(archive: zipfile.ZipFile, name: str, data: bytes, at: datetime) -> None:
    """With the invoice's own time, so that the same bundle is the same bytes. PDFs are deflated within."""
    entry = zipfile.ZipInfo(name, at.astimezone(SHANGHAI).timetuple()[:6])
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".pdf") else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


def _readme(lines: Sequence[str], total_fen: int) -> bytes:
    text = _ABOUT.format(count=len(lines), total=yuan(total_fen), lines="\n".join(lines), merged=MERGED)
    return text.replace("\n", "\r\n").encode()


class _Pipe(io.RawIOBase):
    """What a ZipFile writes into, straight on, and somebody else takes away."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._kept += data
        return len(data)

    def taken(self) -> bytes:
        piece = bytes(self._kept)
        self._kept.clear()
        return piece
