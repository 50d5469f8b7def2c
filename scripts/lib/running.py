"""./scripts/run: the whole service on one machine, from PostgreSQL to the stall's QR code.

This file says what runs and in which order; `supervise` does it, `welcome` tells the person.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.lib import addresses, asking, local_ca, postgres, welcome
from scripts.lib.addresses import LOOPBACK
from scripts.lib.local_ca import Certificates
from scripts.lib.paths import ROOT
from scripts.lib.progress import Clock, Failed
from scripts.lib.supervise import Step, Supervisor


@dataclass(frozen=True, slots=True)
class Place:
    """Where this run keeps its data and answers."""

    data: Path
    port: int
    hosts: tuple[str, ...]  # loopback first
    public_url: str
    demo: bool
    traffic: bool
    certificates: Certificates | None

    @property
    def local_url(self) -> str:
        return f"{'https' if self.certificates else 'http'}://localhost:{self.port}"

    def kept_port(self, name: str, hosts: Sequence[str] = (LOOPBACK,)) -> int:
        return addresses.kept_port(self.data / "ports.json", name, hosts)


def main(arguments: Sequence[str]) -> int:
    """Answers the exit code: 0 when it was asked to stop, 1 when something failed."""
    options = _options(arguments)
    data: Path = options.data.resolve()
    try:
        _refuse_contradictions(options)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with sole_use_of(data):
            return _run(_place(options, data))
    except Failed as failure:
        print(failure, file=sys.stderr)
    except OSError as error:
        print(f"{error}. Check that {data} is yours and that its disk has room.", file=sys.stderr)
    return 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/run", description="Start Stall Ledger on this machine.")
    parser.add_argument("--port", type=int, default=8000, help="where it answers (%(default)s)")
    parser.add_argument(
        "--data", type=Path, default=ROOT / ".data", metavar="DIR", help="what it keeps (.data)"
    )
    parser.add_argument("--empty", action="store_true", help="no demo market and no pretend payments")
    parser.add_argument("--traffic", action="store_true", help="simulated shoppers, a market day of them")
    parser.add_argument("--local", action="store_true", help="answer on this machine only")
    parser.add_argument("--https", action="store_true", help="HTTPS with a certificate authority of our own")
    parser.add_argument("--public-url", metavar="URL", help="the address that QR codes carry")
    return parser.parse_args(arguments)


def _refuse_contradictions(options: argparse.Namespace) -> None:
    if options.empty and options.traffic:
        raise Failed(
            "--traffic needs the demo market and its pretend payments, which --empty leaves out. Choose one."
        )


@contextmanager
def sole_use_of(data: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends; its number is only for the sentence."""
    with (data / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Failed(
                f"Stall Ledger already runs on {data} (process {lock.read().strip()}). "
                "Stop that one first, or name another directory with --data."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _place(options: argparse.Namespace, data: Path) -> Place:
    outside = None if options.local else addresses.private_address()
    hosts = (LOOPBACK, outside) if outside else (LOOPBACK,)
    addresses.refuse_taken(options.port, hosts)
    certificates = None
    if options.https:
        certificates = local_ca.certificates(data / "https", list(hosts), datetime.now(UTC))
    scheme = "https" if options.https else "http"
    public_url = options.public_url or f"{scheme}://{outside or 'localhost'}:{options.port}"
    return Place(
        data=data,
        port=options.port,
        hosts=hosts,
        public_url=public_url.rstrip("/"),
        demo=not options.empty,
        traffic=options.traffic,
        certificates=certificates,
    )


def _run(place: Place) -> int:
    clock = Clock("Starting")
    steps, environment = plan(place, os.environ)
    supervisor = Supervisor(place.data / "logs", environment)
    supervisor.listen()
    try:
        started = supervisor.start(steps, clock)
        if not supervisor.asked_to_stop:
            clock.done()
            seed = started["seed"].output() if place.demo else ""
            traffic = started["traffic"].log if place.traffic else None
            welcome.greet(place.local_url, place.public_url, seed, place.certificates, traffic)
            supervisor.watch(welcome.PhoneWatch(started["web"].log).look)
    finally:
        stopping = Clock("Stopping")
        supervisor.stop()
        stopping.done()
    return 0


def plan(place: Place, outside: Mapping[str, str]) -> tuple[list[Step], dict[str, str]]:
    """What is started after what, and the environment of all. A database or a chain that the environment
    names is used; none of our own is started then."""
    environment = _environment(place, outside)
    steps = []
    if "DATABASE_URL" not in outside:
        server = postgres.prepare(place.data, place.kept_port("postgres"))
        environment["DATABASE_URL"] = server.url
        steps.append(_database(server))
    if "CHAIN_RPC_URL" not in outside:
        port = place.kept_port("chain")
        environment["CHAIN_RPC_URL"] = f"http://{LOOPBACK}:{port}"
        environment["NEW_EPOCH_IF_WIPED"] = "1"
        command = _python("chain.node", "--data", str(place.data / "chain"), "--port", str(port))
        steps.append(Step("chain", command, ready=lambda: asking.chain_answers(port), stop_within_s=20))
    own = [step.name for step in steps]
    steps.append(
        _job("prepare", _python("invoice_service", "prepare"), ["postgres"] if "postgres" in own else [])
    )
    chain = ["chain"] if "chain" in own else []
    steps.append(_job("deploy", _python("invoice_service", "deploy"), ["prepare", *chain]))
    if place.demo:
        steps.append(_job("seed", _python("scripts.demo.seed"), ["prepare"]))
        steps.append(_sandbox(place.kept_port("sandbox", place.hosts)))
    steps.append(_web(place))
    # Last, though it could start with the pages: on two cores it would take its imports' time from them.
    steps.append(Step("settle", _python("invoice_service", "settle"), ["deploy", "web"], ready=lambda: True))
    if place.traffic:
        steps.append(_traffic(place))
    return steps, environment


def _environment(place: Place, outside: Mapping[str, str]) -> dict[str, str]:
    environment = {
        **outside,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",  # a line in a log is there when it was written
        "DATA_DIR": str(place.data),
        "PUBLIC_URL": place.public_url,
        "WEB_BIND": ",".join(f"{host}:{place.port}" for host in place.hosts),
    }
    if place.certificates:
        environment["WEB_CERT"] = str(place.certificates.leaf)
        environment["WEB_KEY"] = str(place.certificates.leaf_key)
    if place.demo:
        port = place.kept_port("sandbox", place.hosts)
        environment["SANDBOX_BIND"] = ",".join(f"{host}:{port}" for host in place.hosts)
        environment["SANDBOX_URL"] = f"http://{LOOPBACK}:{port}"
        reached_at = place.hosts[-1] if len(place.hosts) > 1 else "localhost"
        environment["SANDBOX_PUBLIC_URL"] = f"http://{reached_at}:{port}"
    return environment


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _job(name: str, command: Sequence[str], after: Sequence[str]) -> Step:
    return Step(name, command, after)


def _database(server: postgres.Server) -> Step:
    return Step(
        "postgres",
        server.command,
        ready=server.ready,
        user=server.account.uid,
        group=server.account.gid,
        stop_signal=server.stop_signal,
        stop_within_s=60,  # the last checkpoint of a busy day
    )


def _sandbox(port: int) -> Step:
    command = _python("invoice_service", "sandbox")
    return Step("sandbox", command, ["prepare"], ready=lambda: asking.answers(port, "/healthz"))


def _web(place: Place) -> Step:
    """Ready when `/readyz` says so, asked as a browser on this machine would ask."""
    trust = ssl.create_default_context(cafile=place.certificates.authority) if place.certificates else None
    command = _python("invoice_service", "web")
    return Step("web", command, ["prepare"], ready=lambda: asking.answers(place.port, "/readyz", trust))


def _traffic(place: Place) -> Step:
    authority = ["--authority", str(place.certificates.authority)] if place.certificates else []
    command = _python("scripts.lib.traffic", "--port", str(place.port), *authority)
    return Step("traffic", command, ["web", "seed", "sandbox"], ready=lambda: True)
