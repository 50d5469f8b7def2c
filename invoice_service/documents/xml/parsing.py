"""A stranger's XML, refused before it can cost anything: large, declared, deep or broken.

A document type is refused whole, and with it every entity: bombs, files of ours, addresses to be asked. What
is read at all is small, so that no parser has to be trusted with more.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from invoice_service.errors import N_, InvalidInput

BYTES_MAX = 1_000_000  # sixty lines take a tenth of it
DEPTH_MAX = 16  # ours nest to seven levels


class XmlTooLarge(InvalidInput):
    code = "xml.too_large"
    message = N_("This file is too large to be an invoice.")


class NotXml(InvalidInput):
    code = "xml.unreadable"
    message = N_("This is not XML in UTF-8.")


class XmlForbidden(InvalidInput):
    code = "xml.forbidden"
    message = N_("This XML declares a document type or entities, or nests too deep. Such files are not read.")


class NotOurXml(InvalidInput):
    code = "xml.foreign"
    message = N_("This XML is not one of our invoices or credit notes.")


class _Shallow(TreeBuilder):
    """Gives up at the level too deep, not after it has built the tree."""

    level = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self.level += 1
        if self.level > DEPTH_MAX:
            raise XmlForbidden
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self.level -= 1
        return super().end(tag)


def parsed(data: bytes) -> Element:
    """The root element. Raises XmlTooLarge, NotXml, XmlForbidden."""
    if len(data) > BYTES_MAX:
        raise XmlTooLarge
    parser = DefusedXMLParser(target=_Shallow(), forbid_dtd=True)
    try:
        # As text: whatever encoding the file claims, it is read as UTF-8.
        parser.feed(data.decode("utf-8-sig"))
        root: Element = parser.close()
    except DefusedXmlException:
        raise XmlForbidden from None
    except (ParseError, UnicodeDecodeError) as error:
        raise NotXml from error
    return root


def is_same(one: Element, other: Element) -> bool:
    """Whether two trees say the same: white space between elements says nothing."""
    ours, theirs = list(one.iter()), list(other.iter())
    return len(ours) == len(theirs) and all(map(_is_same_element, ours, theirs))


def _is_same_element(one: Element, other: Element) -> bool:
    words = (_words(one), _words(other))
    return (one.tag, one.attrib, len(one), words[0]) == (other.tag, other.attrib, len(other), words[1])


def _words(element: Element) -> tuple[str, str]:
    """What is said in an element and behind it. Around the parts of a branch it may only be white space."""
    text, tail = element.text or "", element.tail or ""
    return text.strip(" \t\r\n") if len(element) else text, tail.strip(" \t\r\n")
