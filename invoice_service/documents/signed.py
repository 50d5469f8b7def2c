"""A PDF with a signature added: PAdES baseline B-B, invisible, certifying that nothing may change after it.

The signature is appended as PDF wants it (ISO 32000, incremental update): the page as it was, and then a
new catalog, a new first page, the field and the signature over all the bytes but its own. There is no time
stamp, which only somebody else could give: the time it names is our word.

It knows the plain shape in which Typst writes files (one table of cross-references, no object streams)
and refuses every other.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from invoice_service.documents.cms import Signer

_END = re.compile(rb"trailer\n<<(.*)>>\nstartxref\n(\d+)\n%%EOF\s*$", re.DOTALL)
_TABLE = re.compile(rb"xref\n0 \d+\n")
_ENTRY_BYTES = 20
_NUMBER = rb"/%s (\d+)"
_UNKNOWN = "not a PDF as Typst writes it"
_PRINTED_AND_LOCKED = 4 | 128  # flags of the field: PDF/A wants the first
_NOTHING_MAY_CHANGE = 1


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    trailer: bytes
    table_at: int
    first_entry: int

    def number(self, key: bytes, within: bytes) -> int:
        found = re.search(_NUMBER % key, within)
        if found is None:
            raise ValueError(_UNKNOWN)
        return int(found[1])

    def object(self, number: int) -> bytes:
        """The dictionary of an object, without its brackets."""
        entry = self.first_entry + number * _ENTRY_BYTES
        start = int(self.data[entry : entry + 10])
        head = b"%d 0 obj\n<<" % number
        end = self.data.find(b">>\nendobj", start)
        if not self.data.startswith(head, start) or end < 0:
            raise ValueError(_UNKNOWN)
        return self.data[start + len(head) : end]

    def first_page(self, pages: int) -> int:
        """The first leaf of the tree of pages."""
        while (kids := re.search(rb"/Kids\[(\d+) 0 R", self.object(pages))) is not None:
            pages = int(kids[1])
        return pages


def signed(pdf: bytes, signer: Signer, at: datetime, *, reason: str) -> bytes:
    """The same file with the signature appended. `reason` is ASCII. Raises ValueError for another's PDF."""
    file = _opened(pdf)
    root, size = file.number(b"Root", file.trailer), file.number(b"Size", file.trailer)
    catalog = file.object(root)
    page = file.first_page(file.number(b"Pages", catalog))
    signature, form_field = size, size + 1
    room = 2 * signer.most_bytes
    additions = {
        page: b"%s/Annots[%d 0 R]" % (file.object(page), form_field),
        root: b"%s/AcroForm<</Fields[%d 0 R]/SigFlags 3>>/Perms<</DocMDP %d 0 R>>"
        % (catalog, form_field, signature),
        form_field: b"/Type/Annot/Subtype/Widget/FT/Sig/T(Signature)/Rect[0 0 0 0]/F %d/P %d 0 R/V %d 0 R"
        % (_PRINTED_AND_LOCKED, page, signature),
        signature: _signature(room, at, reason),
    }
    return _filled(_appended(file, additions, size + 2), signer, room, len(pdf))


def _opened(pdf: bytes) -> _File:
    end = _END.search(pdf, max(0, len(pdf) - 1024))
    table = end and _TABLE.match(pdf, int(end[2]))
    if end is None or table is None or b"/Prev" in end[1]:
        raise ValueError(_UNKNOWN)
    return _File(pdf, end[1], int(end[2]), table.end())


def _signature(room: int, at: datetime, reason: str) -> bytes:
    """Its dictionary, with room for the ranges it covers and for itself in hexadecimal."""
    return (
        b"/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:%s)/Reason(%s)"
        b"/Reference[<</Type/SigRef/TransformMethod/DocMDP"
        b"/TransformParams<</Type/TransformParams/V/1.2/P %d>>>>]"
        b"/ByteRange[0 %s]/Contents<%s>"
        % (
            f"{at.astimezone(UTC):%Y%m%d%H%M%SZ}".encode(),
            reason.encode("ascii"),
            _NOTHING_MAY_CHANGE,
            b" " * 32,
            b"0" * room,
        )
    )


def _appended(file: _File, objects: dict[int, bytes], size: int) -> bytes:
    """The file with the objects behind it, and a table that says where they are."""
    out, table = bytearray(file.data), bytearray(b"xref\n")
    for number, dictionary in sorted(objects.items()):
        table += b"%d 1\n%010d 00000 n \n" % (number, len(out))
        out += b"%d 0 obj\n<<%s>>\nendobj\n" % (number, dictionary)
    trailer = re.sub(_NUMBER % b"Size", b"/Size %d" % size, file.trailer)
    end = b"trailer\n<<%s/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, file.table_at, len(out))
    return bytes(out + table + end)


def _filled(pdf: bytes, signer: Signer, room: int, since: int) -> bytes:
    """With the ranges and the signature in the room that was left for them behind `since`."""
    start = pdf.index(b"/Contents<", since) + len(b"/Contents")
    end = start + room + 2
    ranges = b"%d %d %d" % (start, end, len(pdf) - end)
    at = pdf.index(b"/ByteRange[0 ", since) + len(b"/ByteRange[0 ")
    before, after = pdf[:at] + ranges.ljust(32) + pdf[at + 32 : start], pdf[end:]
    contents = signer.sign(hashlib.sha256(before + after).digest()).hex().encode()
    return before + b"<" + contents.ljust(room, b"0") + b">" + after
