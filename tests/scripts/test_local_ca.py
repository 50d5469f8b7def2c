"""The local certificate authority, judged by a TLS client that trusts it and nothing else."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from scripts.lib import local_ca

NOW = datetime.now(UTC)


def handshake(certificates: local_ca.Certificates, name: str) -> None:
    """Serve one connection with the leaf and connect to it by `name`. Raises ssl.SSLError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.leaf, certificates.leaf_key)
    client = ssl.create_default_context(cafile=certificates.authority)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:  # the client hung up, and says why itself
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join()


def test_a_browser_that_trusts_the_authority_reaches_loopback_and_the_private_address(tmp_path: Path) -> None:
    certificates = local_ca.certificates(tmp_path, ["127.0.0.1", "192.168.1.20"], NOW)
    for name in ("localhost", "127.0.0.1", "192.168.1.20"):
        handshake(certificates, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificates, "192.168.1.21")


def test_the_authority_can_certify_no_real_site(tmp_path: Path) -> None:
    certificates = local_ca.certificates(tmp_path, ["8.8.8.8"], NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(certificates, "8.8.8.8")


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    local_ca.certificates(tmp_path, ["127.0.0.1"], NOW)
    assert {stat.S_IMODE(key.stat().st_mode) for key in tmp_path.glob("*.key")} == {0o600}


def test_a_new_address_renews_the_leaf_and_keeps_the_authority_that_phones_installed(tmp_path: Path) -> None:
    before = local_ca.certificates(tmp_path, ["127.0.0.1", "192.168.1.20"], NOW)
    authority, leaf = before.authority.read_bytes(), before.leaf.read_bytes()
    assert local_ca.certificates(tmp_path, ["127.0.0.1", "192.168.1.20"], NOW).leaf.read_bytes() == leaf
    after = local_ca.certificates(tmp_path, ["127.0.0.1", "10.0.0.5"], NOW)
    assert after.authority.read_bytes() == authority
    handshake(after, "10.0.0.5")


def test_a_leaf_is_renewed_a_month_before_it_ends(tmp_path: Path) -> None:
    leaf = local_ca.certificates(tmp_path, ["127.0.0.1"], NOW).leaf
    ends = x509.load_pem_x509_certificate(leaf.read_bytes()).not_valid_after_utc
    first = leaf.read_bytes()
    assert (
        local_ca.certificates(tmp_path, ["127.0.0.1"], ends - timedelta(days=31)).leaf.read_bytes() == first
    )
    assert (
        local_ca.certificates(tmp_path, ["127.0.0.1"], ends - timedelta(days=29)).leaf.read_bytes() != first
    )
