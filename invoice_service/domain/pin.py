"""A vendor's PIN: six digits, for money actions and for connecting another phone."""

from __future__ import annotations

import re
from typing import ClassVar

from invoice_service.errors import N_, InvalidInput

_RUNS = "01234567890", "09876543210"
_FORM = re.compile(r"[0-9]{6}")


class BadPin(InvalidInput):
    code = "pin.invalid"
    form: ClassVar[str] = N_("A PIN has six digits.")
    easy: ClassVar[str] = N_("This PIN is too easy to guess. Please choose another.")
    differs: ClassVar[str] = N_("The two PINs differ. Please type the same six digits twice.")


class WrongPin(InvalidInput):
    code = "pin.wrong"
    message = N_("That is not the PIN of this account.")


def check_new_pin(pin: str, again: str) -> None:
    """Raises BadPin, naming the field."""
    if not _FORM.fullmatch(pin):
        raise BadPin({"pin": BadPin.form})
    if is_easy(pin):
        raise BadPin({"pin": BadPin.easy})
    if pin != again:
        raise BadPin({"pin_again": BadPin.differs})


def is_easy(pin: str) -> bool:
    """What a thief tries first: one digit, a run, one pair or three digits again and again."""
    repeats = pin in (pin[0] * 6, pin[:2] * 3, pin[:3] * 2)
    return repeats or any(pin in run for run in _RUNS)
