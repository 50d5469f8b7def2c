"""How people with accounts prove who they are: what a password, a one-time code and a recovery code may be.

Passwords are long rather than complicated (NIST SP 800-63B): twelve characters or more, whatever they are,
but none of those that everybody tries first. They are compared in Unicode's composed form, so that "é" is
the same from every keyboard.
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

from invoice_service.errors import N_, Error, InvalidInput

SESSION_LIFE = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=2)  # of the desks; a vendor's phone stays signed in
PHONE_SESSION_LIFE = timedelta(days=180)

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{2,59}")

PASSWORD_MIN, PASSWORD_MAX = 12, 128
_LOGIN_MAX = 60
PASSWORD_LENGTH = N_("A password has 12 to 128 characters.")
PASSWORD_COMMON = N_("This password is one of the first that others would try. Please choose another.")
PASSWORD_IS_LOGIN = N_("The password must not be the login.")
_DISTINCT = 5  # fewer different characters are a pattern, not a password
_COMMON = frozenset((
    "123456789012", "1234567890123", "password1234", "password12345", "passwordpassword",
    "password123456", "qwertyuiop12", "qwertyuiop123", "qwertyuiopasdf", "qwertyuiop[]", "1q2w3e4r5t6y",
    "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "q1w2e3r4t5y6", "administrator", "administrator1",
    "admin1234567", "adminadminadmin", "letmeinletmein", "welcome12345", "iloveyou1234",
    "changemechangeme", "woaini1314520", "woaini5201314", "woaiwojia1314", "zhongguo1234",
    "abcdefghijkl", "abcdefg12345", "abcd12345678", "a123456789012", "nongmaoshichang", "p@ssw0rd1234",
    "trustno1trustno1", "asdfghjkl123",
))  # fmt: skip

TOTP_STEP_S = 30
TOTP_DRIFT = 1  # steps that a phone's clock may differ, either way
_CODE = re.compile(r"[0-9]{6}")

RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits: nobody finds one from its hash
_RECOVERY_FORM = re.compile(r"[A-Z2-7]{16}")


class BadLogin(InvalidInput):
    code = "login.invalid"
    message = N_("A login has 3 to 60 small letters, digits, dots, dashes, underscores or @.")


class BadPassword(InvalidInput):
    code = "password.invalid"


class BadCode(InvalidInput):
    code = "code.wrong"
    message = N_("This code is not right. Each code works once and for half a minute: type the next one.")


class SignInRefused(Error):
    """The same for an unknown login, a wrong password and a wrong code: nobody learns which logins exist."""

    code = "sign_in.refused"
    message = N_("Login, password or code is not right. Each code works only once.")
    status = 422


def normal_login(text: str) -> str:
    """Without what no login holds and no database keeps: whoever sends that has not found a way in."""
    return "".join(filter(str.isprintable, text.strip().lower()))[:_LOGIN_MAX]


def check_login(login: str) -> None:
    """Raises BadLogin."""
    if not LOGIN.fullmatch(login):
        raise BadLogin({"login": BadLogin.message})


def normal_password(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def checked_password(text: str, login: str | None) -> str:
    """A new password in its normal form. Raises BadPassword, naming the field."""
    password = normal_password(text)
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise BadPassword({"password": PASSWORD_LENGTH})
    plain = password.casefold()
    if login is not None and plain == login.casefold():
        raise BadPassword({"password": PASSWORD_IS_LOGIN})
    if plain in _COMMON or len(set(plain)) < _DISTINCT:
        raise BadPassword({"password": PASSWORD_COMMON})
    return password


def fresh_step(given: str, code_at: Callable[[int], str], now: datetime, last: int | None) -> int | None:
    """The time step (RFC 6238) whose code was given, or None. A step up to the last one used is over:
    whoever watched a code being typed cannot use it again.
    """
    code = "".join(given.split())
    if not _CODE.fullmatch(code):
        return None
    current = int(now.timestamp()) // TOTP_STEP_S
    for step in range(current - TOTP_DRIFT, current + TOTP_DRIFT + 1):
        if hmac.compare_digest(code_at(step).encode(), code.encode()) and (last is None or step > last):
            return step
    return None


def recovery_code(noise: bytes) -> str:
    """Ten random bytes as four groups of letters and digits that are not mistaken for each other."""
    text = base64.b32encode(noise).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def normal_recovery_code(text: str) -> str | None:
    """As typed, with or without dashes, in small letters too; None where it cannot be one."""
    letters = re.sub(r"[\s-]", "", text).upper()
    if not _RECOVERY_FORM.fullmatch(letters):
        return None
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))
