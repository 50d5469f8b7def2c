"""What the terminal shows once everything runs, read back as a person and a phone would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invoice_service.documents import qr
from scripts.lib import welcome

SEED = 'seeding\n{"stall_code": "A01", "stall_name": "李家蔬菜"}\n'


def test_the_code_carries_the_address_that_phones_reach(capsys: pytest.CaptureFixture[str]) -> None:
    welcome.greet("http://localhost:8000", "http://192.168.1.20:8000", SEED, None)
    shown = capsys.readouterr().out
    assert qr.terminal("http://192.168.1.20:8000/s/A01") in shown
    assert "李家蔬菜" in shown
    assert "http://localhost:8000/verify" in shown


def test_without_a_demo_there_is_no_code(capsys: pytest.CaptureFixture[str]) -> None:
    welcome.greet("http://localhost:8000", "http://localhost:8000", "", None)
    assert "/s/" not in capsys.readouterr().out


def test_the_demos_sign_ins_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "demo-sign-ins.json"
    kept.write_text('{"admin": {"password": "pass-of-this-place", "secret": "JBSWY3DPEHPK3PXP"}}')
    seed = json.dumps({"stall_code": "A01", "stall_name": "李家蔬菜", "sign_ins": str(kept)})
    welcome.greet("http://localhost:8000", "http://192.168.1.20:8000", seed, None)
    shown = capsys.readouterr().out
    assert "http://localhost:8000/account/login" in shown
    for part in ("admin", "pass-of-this-place", "JBSWY3DPEHPK3PXP"):
        assert part in shown


def test_the_first_phone_is_announced_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "web.log"
    log.write_text("phone connected, in an earlier run\n")
    watch = welcome.PhoneWatch(log)
    with log.open("a") as file:
        for part in ("web is up\n2026-11-23 phone conn", "ected address=192.168.1.31\n", "phone connected\n"):
            watch.look()
            file.write(part)
            file.flush()
        watch.look()
    assert capsys.readouterr().out.count("Phone connected") == 1
