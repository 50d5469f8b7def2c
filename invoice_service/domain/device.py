"""Browsers: what to call one in a list of sessions, and which have signed in to an account before.

A browser that did carries a signed note of it for a year. The note opens nothing: it only lets its holder's
guesses be counted apart, so that a stranger's wrong guesses lock nobody out who has signed in here before.
"""

from __future__ import annotations

import hmac
import re

from invoice_service.domain.token import TokenKey

KIND = "device"
_REMEMBERED = 5  # accounts to a browser
_BROWSERS = (
    ("MicroMessenger", "WeChat"), ("AlipayClient", "Alipay"), ("Edg", "Edge"), ("OPR/", "Opera"),
    ("HuaweiBrowser", "Huawei Browser"), ("MiuiBrowser", "Mi Browser"), ("Firefox", "Firefox"),
    ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
    ("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS X", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
_NOTE = re.compile(r"([0-9]{1,18})\.([0-9a-f]{32})\.([\w-]{22})")


def words(user_agent: str) -> str:
    """ "Chrome · Android": names that are the same in every language; empty where nothing is known."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " · ".join(filter(None, (browser, system)))


def known_as(notes: str, account_id: int, key: TokenKey) -> str | None:
    """The name under which this browser has signed in to that account, if it has."""
    for account, name, signature in _NOTE.findall(notes):
        if account == str(account_id) and hmac.compare_digest(signature, _sign(account_id, name, key)):
            return name
    return None


def remember(notes: str, account_id: int, noise: bytes, key: TokenKey) -> str:
    """The notes with one about that account in front; as they are where it has one."""
    if known_as(notes, account_id, key):
        return notes
    name = noise.hex()
    others = [".".join(note) for note in _NOTE.findall(notes) if note[0] != str(account_id)]
    return "~".join([f"{account_id}.{name}.{_sign(account_id, name, key)}", *others][:_REMEMBERED])


def _sign(account_id: int, name: str, key: TokenKey) -> str:
    return key.derive(KIND, f"{account_id}.{name}")
