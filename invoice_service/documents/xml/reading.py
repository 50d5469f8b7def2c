"""The way back: our XML as the same body and buyer document that it was written from.

What was read is written again, and both must say the same. So a file that says anything besides (a second
total, an amount that its lines do not give, an element that we would not look at) is not ours: nobody can be
shown one thing by one program and another by ours. That the file is true is shown by the evidence alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from invoice_service.documents.xml import flat, ubl
from invoice_service.documents.xml.flat_reading import read_flat
from invoice_service.documents.xml.parsing import NotOurXml, is_same, parsed
from invoice_service.documents.xml.ubl_reading import read_credit_note, read_invoice

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """`buyer` is None where the file says that it was erased."""

    body: Document
    buyer: Document | None


_READERS: dict[str, tuple[Callable[[Element], tuple[Document, Document | None]], Callable[..., bytes]]] = {
    f"{{{ubl.INVOICE.namespace}}}Invoice": (read_invoice, ubl.ubl_invoice),
    f"{{{ubl.CREDIT_NOTE.namespace}}}CreditNote": (read_credit_note, ubl.ubl_credit_note),
    f"{{{flat.NAMESPACE}}}{flat.ROOT}": (read_flat, flat.flat),
}


def read(data: bytes) -> Read:
    """Raises XmlTooLarge, NotXml, XmlForbidden, NotOurXml."""
    root = parsed(data)
    if root.tag not in _READERS:
        raise NotOurXml
    reader, writer = _READERS[root.tag]
    try:
        body, buyer = reader(root)
        written = writer(body, buyer)
    except (ValueError, KeyError, ArithmeticError) as error:  # a number, a code or a day that there is not
        raise NotOurXml from error
    if not is_same(root, parsed(written)):
        raise NotOurXml
    return Read(body, buyer)
