"""XML written as text: a leaf holds words, a branch holds parts, and nothing else is ever written.

Names of elements and attributes are constants of ours. Whatever people typed stands in a leaf, where `&`, `<`
and `>` are escaped, so that it can end nothing and begin nothing: no CDATA, no entity, no comment. What XML
1.0 cannot carry at all (control characters, lone surrogates, U+FFFE, U+FFFF) is written as U+FFFD, and so is
the carriage return, which every reader would turn into a line feed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

REPLACEMENT = "\ufffd"
_NOT_CARRIED = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def carried(text: str) -> str:
    """`text` as a reader of our XML will find it."""
    return _NOT_CARRIED.sub(REPLACEMENT, text)


def leaf(name: str, text: str, **attributes: str) -> str:
    """The values of attributes are constants of ours, too."""
    if not attributes:
        return f"<{name}>{escape(text)}</{name}>"
    given = "".join([f' {attribute}="{value}"' for attribute, value in attributes.items()])
    return f"<{name}{given}>{escape(text)}</{name}>"


def branch(name: str, *parts: str) -> str:
    return "\n".join((f"<{name}>", *parts, f"</{name}>"))


def document(name: str, namespaces: Mapping[str, str], *parts: str) -> bytes:
    """`namespaces`: by prefix; "" is the one of names without a prefix."""
    declared = "".join(
        f' xmlns{prefix and ":" + prefix}="{namespace}"' for prefix, namespace in namespaces.items()
    )
    body = "\n".join(parts)
    return carried(f"{_DECLARATION}<{name}{declared}>\n{body}\n</{name}>\n").encode()
