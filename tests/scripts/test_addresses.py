"""Which addresses count as near, and ports that stay the same from run to run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from scripts.lib import addresses


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("10.0.0.7", True),
        ("172.16.0.1", True),
        ("172.31.255.254", True),
        ("172.32.0.1", False),
        ("192.168.1.20", True),
        ("127.0.0.1", False),
        ("169.254.10.1", False),
        ("100.64.0.1", False),
        ("8.8.8.8", False),
    ],
)
def test_only_networks_that_a_router_gives_out_are_near(address: str, near: bool) -> None:
    assert addresses.is_private(address) is near


def test_a_port_is_kept_until_another_program_has_it(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = addresses.kept_port(file, "sandbox")
    other = addresses.kept_port(file, "chain")
    assert addresses.kept_port(file, "sandbox") == first
    with socket.create_server(("127.0.0.1", first)):
        moved = addresses.kept_port(file, "sandbox")
    assert len({first, other, moved}) == 3
    assert addresses.kept_port(file, "sandbox") == moved
    assert addresses.kept_port(file, "chain") == other
