"""The code on a stall's poster: `A01.3.k2Xq…`: the stall, which printing it is, and our signature.

A code that somebody made up, or altered, is refused as foreign; an earlier printing says that it was
replaced. The stall's name alone (`A01`), as typed or followed from a list, opens the page as well, which
then does not claim that anything was checked.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from invoice_service.domain.order import UnknownStall
from invoice_service.domain.token import STALL, TokenKey
from invoice_service.errors import N_, Error, NotFound

SIGNATURE_LENGTH = 16  # 96 bits
_NAME = re.compile(r"[A-Z0-9-]{1,20}", re.ASCII)
_SERIAL = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class ForeignCode(NotFound):
    code = "stall.foreign_code"
    title = N_("Do not pay here")
    message = N_("This code was not made by the market. Please do not pay, and tell the market office.")


class CodeReplaced(Error):
    code = "stall.code_replaced"
    title = N_("This is an old code")
    message = N_("This code was replaced by a new one. Please scan the new code at the stall.")
    status = 410


@dataclass(frozen=True, slots=True)
class StallCode:
    """`serial` is None where only the stall's name was given."""

    stall: str
    serial: int | None

    @property
    def is_signed(self) -> bool:
        return self.serial is not None


def printed(stall: str, serial: int, key: TokenKey) -> str:
    return f"{stall}.{serial}.{_signature(stall, serial, key)}"


def read(text: str, key: TokenKey) -> StallCode:
    """Raises UnknownStall for what can be no code, ForeignCode where the signature is not ours."""
    stall, *rest = text.split(".")
    if not rest:
        if not _NAME.fullmatch(stall):
            raise UnknownStall
        return StallCode(stall, None)
    if len(rest) != 2 or not _NAME.fullmatch(stall) or not _SERIAL.fullmatch(rest[0]):
        raise ForeignCode
    serial, ours = int(rest[0]), _signature(stall, int(rest[0]), key)
    if not hmac.compare_digest(ours.encode(), rest[1].encode("utf-8", "replace")):
        raise ForeignCode
    return StallCode(stall, serial)


def in_address(text: str) -> str:
    """The code in what a camera read: the last part of a poster's address, or the text itself."""
    text = text.strip()
    path = urlsplit(text).path if "/" in text else text
    return path.rstrip("/").rpartition("/")[2]


def check_current(code: StallCode, live_serial: int | None) -> None:
    """Raises CodeReplaced for an earlier printing than the live one."""
    if code.is_signed and code.serial != live_serial:
        raise CodeReplaced


def _signature(stall: str, serial: int, key: TokenKey) -> str:
    return key.derive(STALL, f"{stall}.{serial}")[:SIGNATURE_LENGTH]
