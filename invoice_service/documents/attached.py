"""The evidence that a file is, or carries: a JSON file itself, or the one attachment of a PDF.

A stranger's PDF decides what its reader unpacks and how often it comes back to the same place; a few thousand
bytes can ask for gigabytes, or for hours. So whatever a file can ask for is bounded: the sections of its
cross-references, the streams opened and what each unpacks to, the names in its tree. Nothing is repaired:
pypdf looks for a lost object in the whole file, once for each.
"""

from __future__ import annotations

import io
import logging
from typing import Any

import pypdf
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, EmbeddedFile, PdfObject, StreamObject

from invoice_service.errors import N_
from invoice_service.ledger import evidence as ev

ATTACHMENT = "evidence.json"
UNREADABLE = N_("This is not an evidence file, nor a PDF that carries one.")
MAX_SECTIONS = 32  # of cross-references: one for each time the file was signed or added to
MAX_STREAMS = 16
MAX_LEADING_BYTES = 64_000  # of a stream that leads to the attachment, unpacked; ours have 13,000
MAX_CONTENT_BYTES = ev.MAX_BYTES + 1_000  # zlib wants room for its end
MAX_OBJECTS = 100_000
MAX_NAMES = 200  # in the tree of attachments, its nodes among them
logging.getLogger("pypdf").setLevel(logging.ERROR)  # what it warns of in strangers' files would fill our log


def attached_evidence(data: bytes) -> ev.Evidence:
    """The evidence that a JSON file is, or that a PDF carries. Raises NotEvidence."""
    return ev.parse(_attached(data) if is_pdf(data) else data)


def is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-")


def _attached(data: bytes) -> bytes:
    """The evidence in a PDF. Raises NotEvidence; the worst that was found takes a second or two."""
    try:
        with pypdf.apply_configuration(_limits(MAX_LEADING_BYTES)):
            found = _named(_Reader(data).root_object)
        with pypdf.apply_configuration(_limits(MAX_CONTENT_BYTES)):
            content = [file.content for file in found] if len(found) == 1 else []
    except Exception as error:  # a stranger's file makes a parser raise anything; whatever it is, we say no
        raise ev.NotEvidence("the PDF cannot be read") from error
    if not content:
        raise ev.NotEvidence("the PDF carries no evidence")
    return content[0]


def _limits(stream_bytes: int) -> pypdf.Configuration:
    return pypdf.Configuration(
        maximum_declared_stream_length=stream_bytes,
        array_based_stream_maximum_output_length=stream_bytes,
        zlib_maximum_output_length=stream_bytes,
        zlib_maximum_recovery_input_length=0,
        lzw_maximum_output_length=stream_bytes,
        run_length_maximum_output_length=stream_bytes,
        brotli_maximum_output_length=stream_bytes,
        stream_decoding_work_maximum_length=4 * stream_bytes,
        jbig2dec_binary=None,
    )


class _Reader(pypdf.PdfReader):
    """Opens so many streams and no more: each stays in memory, unpacked, as long as its reader."""

    def __init__(self, data: bytes) -> None:
        if data.count(b"xref") > 2 * MAX_SECTIONS:  # each has "startxref" too
            raise LimitReachedError("too many sections")
        self.streams = 0
        super().__init__(
            io.BytesIO(data),
            strict=True,
            root_object_recovery_limit=0,
            xref_stream_maximum_entries=MAX_OBJECTS,
        )

    def cache_indirect_object(self, generation: int, idnum: int, obj: PdfObject | None) -> PdfObject | None:
        self.streams += isinstance(obj, StreamObject)
        if self.streams > MAX_STREAMS:
            raise LimitReachedError("too many streams")
        return super().cache_indirect_object(generation, idnum, obj)


def _named(root: Any) -> list[EmbeddedFile]:
    """The attachments of our name: by their key in the name tree, or by their own."""
    if "/Names" not in root or "/EmbeddedFiles" not in root["/Names"]:
        return []
    found, visited, due = [], 0, [root["/Names"]["/EmbeddedFiles"]]
    while due:
        node = due.pop().get_object()
        kids, names = (node.get(key, ArrayObject()).get_object() for key in ("/Kids", "/Names"))
        due += kids
        visited += 1 + len(names) // 2
        if visited + len(due) > MAX_NAMES:
            raise LimitReachedError("too many names")
        pairs = zip(names[::2], names[1::2], strict=True)
        files = [EmbeddedFile(name.get_object(), file.get_object()) for name, file in pairs]
        found += [file for file in files if ATTACHMENT in (file.name, file.alternative_name)]
    return found
