"""Keys are made once, for their owner's eyes, and a root that was put away is not made again."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from invoice_service import keyring

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def make(folder: Path) -> bool:
    return keyring.make_missing(folder, now=NOW, issuer_name="test")


def test_made_once(tmp_path: Path) -> None:
    assert make(tmp_path)
    first = keyring.load(tmp_path)
    assert not make(tmp_path)
    assert keyring.load(tmp_path).issuer_id == first.issuer_id


def test_private_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    make(tmp_path)
    private = [*(tmp_path / "keys").iterdir(), *(tmp_path / "root").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("keys", "root")} == {0o700}


def test_a_root_in_the_safe_stays_the_root(tmp_path: Path) -> None:
    make(tmp_path)
    before = keyring.load(tmp_path).issuer_id
    shutil.rmtree(tmp_path / "root")
    make(tmp_path)
    assert keyring.load(tmp_path).issuer_id == before
    assert keyring.root_if_here(tmp_path) is None
    with pytest.raises(keyring.KeysMissing):
        keyring.load_root(tmp_path)


def test_an_older_installation_gets_what_signs_pdfs_while_its_root_is_here(tmp_path: Path) -> None:
    make(tmp_path)
    before = keyring.load(tmp_path)
    for name in ("paper.pem", "paper.crt"):
        (tmp_path / "keys" / name).unlink()
    assert make(tmp_path)
    assert keyring.load(tmp_path).root_certificate == before.root_certificate
    after = keyring.load(tmp_path).paper_certificate
    assert after != before.paper_certificate
    own, root = (x509.load_pem_x509_certificate(pem.encode()) for pem in (after, before.root_certificate))
    assert own.not_valid_before_utc == root.not_valid_before_utc  # older invoices are signed by it, too
    (tmp_path / "keys" / "paper.crt").unlink()
    shutil.rmtree(tmp_path / "root")
    with pytest.raises(keyring.KeysMissing, match=r"root\.pem"):
        make(tmp_path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "keys" / "vault.key").unlink()
    with pytest.raises(keyring.KeysMissing, match=r"vault\.key"):
        keyring.load(tmp_path)


def test_no_secret_shows(tmp_path: Path) -> None:
    make(tmp_path)
    found = keyring.load(tmp_path)
    assert found.cookie.hex() not in repr(found)
    assert "sequencer" not in repr(found)
