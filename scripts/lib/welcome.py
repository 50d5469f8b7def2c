"""What the person at the terminal reads once everything runs: where to go, and what a phone scans."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from invoice_service.documents import qr
from scripts.lib.local_ca import Certificates
from scripts.lib.progress import say

PHONE_CONNECTED = "phone connected"


def greet(
    local_url: str,
    public_url: str,
    seed_output: str,
    certificates: Certificates | None,
    traffic_log: Path | None = None,
) -> None:
    say()
    say(f"  Stall Ledger answers at  {local_url}")
    if public_url != local_url:
        say(f"  and for phones nearby    {public_url}")
    say()
    links = [("Verify an invoice", "/verify"), ("API", "/api/docs"), ("Is it well?", "/readyz")]
    if certificates:
        say(f"  {'Certificate authority':22}  {certificates.authority}")
        links.append(("Install it on a phone", "/ca"))
    for title, path in links:
        say(f"  {title:22}  {local_url}{path}")
    stall = _stall_in(seed_output)
    if stall is not None:
        if "sign_ins" in stall:
            _show_sign_ins(local_url, Path(stall["sign_ins"]))
        _invite(f"{public_url}/s/{stall['stall_code']}", stall["stall_name"])
    if traffic_log is not None:
        say(f"  Simulated shoppers come and go; a line a minute in {traffic_log}")
    say("  Ctrl-C stops it; the next start finds everything as it was.")


def _show_sign_ins(local_url: str, kept: Path) -> None:
    say(f"\n  Sign in at {local_url}/account/login (demo only; also in {kept}):\n")
    say(f"    {'login':10} {'password':18} secret for an authenticator app")
    for login, made in json.loads(kept.read_text()).items():
        say(f"    {login:10} {made['password']:18} {made['secret']}")
    say("\n  Without such an app, a secret's present code is printed by")
    say("    .venv/bin/python -c 'import pyotp; print(pyotp.TOTP(\"SECRET\").now())'\n")


def _invite(url: str, stall_name: str) -> None:
    say(f"  {'A stall':22}  {url}")
    say(f"\n  Scan to pay at {stall_name}:\n")
    say(qr.terminal(url))


def _stall_in(seed_output: str) -> dict[str, str] | None:
    """The seed's last line is one stall as JSON; an empty service has none."""
    if not seed_output.strip():
        return None
    stall: dict[str, str] = json.loads(seed_output.splitlines()[-1])
    return stall


class PhoneWatch:
    """Reads on in the web process's log, and says so once when the first phone has come."""

    def __init__(self, log: Path) -> None:
        self._log, self._read_bytes, self._said = log, 0, False
        with suppress(OSError):
            self._read_bytes = log.stat().st_size

    def look(self) -> None:
        if self._said:
            return
        with self._log.open("rb") as file:
            file.seek(self._read_bytes)
            news = file.read()
        whole_lines = news[: news.rfind(b"\n") + 1]
        self._read_bytes += len(whole_lines)
        if PHONE_CONNECTED.encode() in whole_lines:
            say("  📱 Phone connected.")
            self._said = True
