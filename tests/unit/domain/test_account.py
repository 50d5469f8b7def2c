"""Passwords, one-time codes, recovery codes, and what a browser is called."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from invoice_service.domain import device
from invoice_service.domain.account import (
    PASSWORD_COMMON,
    PASSWORD_IS_LOGIN,
    PASSWORD_LENGTH,
    BadLogin,
    BadPassword,
    check_login,
    checked_password,
    fresh_step,
    normal_password,
    normal_recovery_code,
    recovery_code,
)
from invoice_service.domain.token import TokenKey

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
STEP = int(NOON.timestamp()) // 30
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY = TokenKey(bytes(32))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", PASSWORD_LENGTH),
        ("x" * 20 + "abcdefgh" * 14, PASSWORD_LENGTH),
        ("passwordpassword", PASSWORD_COMMON),
        ("PassWord1234", PASSWORD_COMMON),
        ("1231231231231", PASSWORD_COMMON),
        ("market-office", PASSWORD_IS_LOGIN),
        ("Market-Office", PASSWORD_IS_LOGIN),
    ],
)
def test_what_is_no_password(password: str, why: str) -> None:
    with pytest.raises(BadPassword) as refused:
        checked_password(password, "market-office")
    assert refused.value.fields == {"password": why}


@pytest.mark.parametrize(
    "password", ["twelve chars", "四个词连在一起就是好密码啊", "z9" * 2 + "abcdefg" * 17 + "hijk!"]
)
def test_what_is_one_without_rules_of_composition(password: str) -> None:
    assert checked_password(password, "market-office") == password


def test_a_letter_is_the_same_from_every_keyboard() -> None:
    typed = "café au marché"
    assert normal_password(unicodedata.normalize("NFD", typed)) == checked_password(typed, None)


@pytest.mark.parametrize("login", ["ab", "a" * 61, "With Capitals", "-first", "a b c", "管理员", "a\nbc"])
def test_what_is_no_login(login: str) -> None:
    with pytest.raises(BadLogin):
        check_login(login)


@pytest.mark.parametrize("login", ["abc", "a.b-c_d@market.cn", "9lives"])
def test_what_is_a_login(login: str) -> None:
    check_login(login)


@pytest.mark.parametrize(("drift", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_of_a_neighbouring_half_minute_is_taken(drift: int, taken: bool) -> None:
    code_at = pyotp.HOTP(SECRET).at
    assert fresh_step(code_at(STEP + drift), code_at, NOON, None) == (STEP + drift if taken else None)


def test_a_code_is_used_once_and_none_before_it_afterwards() -> None:
    code_at = pyotp.HOTP(SECRET).at
    assert fresh_step(code_at(STEP), code_at, NOON, STEP) is None
    assert fresh_step(code_at(STEP - 1), code_at, NOON, STEP) is None
    assert fresh_step(code_at(STEP + 1), code_at, NOON, STEP) == STEP + 1
    assert fresh_step(code_at(STEP + 1), code_at, NOON + timedelta(seconds=30), STEP + 1) is None


@pytest.mark.parametrize("given", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1e5000"])
def test_what_is_no_code_is_not_compared(given: str) -> None:
    def code_at(step: int) -> str:
        raise AssertionError("compared")

    assert fresh_step(given, code_at, NOON, None) is None


def test_rfc_6238_and_spaces_as_apps_show_them() -> None:
    """Appendix B, SHA-1, the last six of its eight digits."""
    code_at = pyotp.HOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").at
    at = datetime.fromtimestamp(1111111109, UTC)
    assert fresh_step("081 804", code_at, at, None) == 1111111109 // 30


def test_a_recovery_code_is_read_as_people_type_it() -> None:
    code = recovery_code(bytes(range(10)))
    assert len(code) == 19
    assert normal_recovery_code(code) == code
    assert normal_recovery_code(f" {code.lower().replace('-', ' ')} ") == code
    for other in ("", "123456", code[:-1], code + "A", code.replace(code[0], "1")):
        assert normal_recovery_code(other) is None


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (Linux; Android 14; K) Chrome/120 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (Linux; Android 13) Chrome/111 MicroMessenger/8.0.40", "WeChat · Android"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/119 Safari/537.36 Edg/119", "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox · Linux"),
        ("curl/8.5", ""),
        ("<script>alert(1)</script>", ""),
    ],
)  # fmt: skip
def test_a_browser_has_a_name_that_people_know(user_agent: str, words: str) -> None:
    assert device.words(user_agent) == words


def test_a_browser_knows_who_signed_in_on_it_and_cannot_make_it_up() -> None:
    notes = device.remember("", 7, bytes(16), KEY)
    name = device.known_as(notes, 7, KEY)
    assert name == bytes(16).hex()
    assert device.remember(notes, 7, bytes([1]) * 16, KEY) == notes
    assert device.known_as(notes, 8, KEY) is None
    assert device.known_as(notes.replace("7.", "8.", 1), 8, KEY) is None
    assert device.known_as(notes, 7, TokenKey(bytes([1]) * 32)) is None
    assert device.known_as("~.~7.~\x00", 7, KEY) is None


def test_a_browser_remembers_the_last_five_accounts() -> None:
    notes = ""
    for account in range(1, 8):
        notes = device.remember(notes, account, bytes([account]) * 16, KEY)
    known = [account for account in range(1, 8) if device.known_as(notes, account, KEY)]
    assert known == [3, 4, 5, 6, 7]
