"""PDFs as other programs write them, and as somebody writes them who means harm: few bytes ask for much."""

from __future__ import annotations

import io
import json
import struct
import zlib

import pypdf
from pypdf.generic import EncodedStreamObject, StreamObject

EVIDENCE = json.dumps({"some": "evidence", "名": "小白菜"}, ensure_ascii=False).encode()
CATALOG = b"<</Type/Catalog/Names<</EmbeddedFiles 2 0 R>>>>"


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


def circle() -> bytes:
    """Its cross-references lead to themselves, and so does its tree of names."""
    body = b"%%PDF-1.7\n1 0 obj%sendobj\n2 0 obj<</Kids[2 0 R 2 0 R]>>endobj\n" % CATALOG
    table = b"".join(b"%010d 00000 n \n" % body.index(b"%d 0 obj" % n) for n in (1, 2))
    xref = b"xref\n0 1\n0000000000 65535 f \n1 2\n" + table
    tail = b"trailer\n<</Root 1 0 R/Size 3/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(body), len(body))
    return body + xref + tail


def by_number(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from one; the first is its catalog."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, written in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, start = len(objects) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Root 1 0 R/Size %d>>\n" % (size, table, size)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def packed_stream(packed: bytes, entries: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(packed), packed)


def attachment(number: int) -> bytes:
    """A name and a file specification, whose content is that object."""
    return b"(evidence.json)<</F(evidence.json)/EF<</F %d 0 R>>>>" % number


def costly() -> dict[str, bytes]:
    """Each would keep a reader busy for seconds, or fill its memory, if it did whatever it is asked to."""
    once = zlib.compress(bytes(70_000_000), 9)
    flate, one = b"/Filter/FlateDecode", b"<</Names[%s]>>" % attachment(3)
    double = packed_stream(zlib.compress(once, 9), b"/Filter[/FlateDecode/FlateDecode]")
    rows = zlib.compress((b"\4" + bytes(249)) * 40_000, 9)
    predictor = b"/DecodeParms<</Predictor 15/Columns 249>>"
    six = b"".join(map(attachment, range(3, 9)))
    lost = b"".join(b"(a)%d 0 R" % number for number in range(5_000, 10_000))
    return {
        "bomb": by_number(CATALOG, one, packed_stream(once, flate)),
        "six-bombs": by_number(CATALOG, b"<</Names[%s]>>" % six, *[double] * 6),
        "predicted": by_number(CATALOG, one, packed_stream(rows, flate + predictor)),
        "names-again-and-again": by_number(
            CATALOG, b"<</Kids[%s]>>" % (b"3 0 R " * 5_000), b"<</Names[%s]>>" % (b"null " * 5_000)
        ),
        "lost-objects": by_number(CATALOG, b"<</Names[%s]>>" % lost, b"(%s)" % bytes(500_000)),
        "sections": sections(8_000),
        "deep": b"%PDF-1.7\nxref\n0 0\ntrailer\n" + b"<</A" * 50_000 + b"\nstartxref\n9\n%%EOF",
    }


def sections(count: int) -> bytes:
    """Each has one bad entry, for which all of the file can be searched, and leads to the one before."""
    out, before = bytearray(b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>endobj\n"), b""
    for _ in range(count):
        start = len(out)
        out += b"xref\n0 1\nno entry of a table\ntrailer\n<</Root 1 0 R/Size 2%s>>\n" % before
        before = b"/Prev %d" % start
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)
