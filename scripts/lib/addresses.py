"""Where the service answers: on loopback, and on the machine's private address for phones nearby.

It is never bound to every interface: a public address of the same machine must not serve a demo.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scripts.lib.progress import Failed

LOOPBACK = "127.0.0.1"
# RFC 1918: the networks that a home or market router gives out.
PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_ANYWHERE = ("10.255.255.255", 9)  # nothing is sent: connecting a UDP socket only chooses a route


def private_address() -> str | None:
    """The private IPv4 address that this machine is reached by, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(_ANYWHERE)
        address: str = probe.getsockname()[0]
        return address if is_private(address) else None
    return None


def is_private(address: str) -> bool:
    return any(ipaddress.IPv4Address(address) in network for network in PRIVATE)


def is_free(port: int, hosts: Sequence[str]) -> bool:
    return all(_can_bind(host, port) for host in hosts)


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: TIME_WAIT is no hindrance
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def refuse_taken(port: int, hosts: Sequence[str]) -> None:
    if not is_free(port, hosts):
        raise Failed(
            f"Port {port} is taken by another program. Stop that one, or choose another port: "
            f"./scripts/run --port {port + 1}"
        )


def kept_port(file: Path, name: str, hosts: Sequence[str] = (LOOPBACK,)) -> int:
    """The port that `name` had last time, or another where that one is taken now."""
    kept: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    port = kept.get(name)
    if port is None or not is_free(port, hosts):
        port = free_port(hosts)
        draft = file.with_suffix(".part")
        draft.write_text(json.dumps(kept | {name: port}))
        draft.replace(file)
    return port


def free_port(hosts: Sequence[str] = (LOOPBACK,)) -> int:
    """A port that nothing listens on at this moment, on any of these addresses."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((hosts[0], 0))
            port: int = probe.getsockname()[1]
        if is_free(port, hosts):
            return port
