"""`python -m invoice_service audit`: runs the audit, shows how far it is, and says what it found."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chain.client import NoContract
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.errors import Error
from invoice_service.ledger.entry import Kind
from invoice_service.onchain import ledger_contract, standings, status_events
from invoice_service.queries.audit import run as running
from invoice_service.queries.audit.anchors import Chain
from invoice_service.queries.audit.run import CLEAN, DIFFERENT, UNDECIDED, Report, Tell

EXIT_CODES = {CLEAN: 0, DIFFERENT: 1, UNDECIDED: 2}
LINE_EVERY_S = 10.0


def audit(config: Config, arguments: Any) -> int:
    services = build_services(config)
    on_chain = Chain(
        partial(ledger_contract, services),
        partial(status_events, services),
        partial(standings, services),
        NoContract,
    )
    try:
        with _progress() as tell:
            report = running.run(
                services, on_chain if config.chain_rpc_url else None, tell, restart=arguments.restart
            )
    except Error as error:
        print(f"Undecided: {error} [{error.code}]", file=sys.stderr)
        return EXIT_CODES[UNDECIDED]
    except KeyboardInterrupt:
        print("Stopped. The next run goes on from here.", file=sys.stderr)
        return EXIT_CODES[UNDECIDED]
    finally:
        services.database.dispose()
    _say(report)
    return EXIT_CODES[report.verdict]


def _say(report: Report) -> None:
    if report.resumed_at:
        print(f"Went on from entry {report.resumed_at:,}, where an earlier run had got to.")
    kinds = sorted(report.counts.kinds.items())
    by_kind = ", ".join(f"{Kind(kind).name} {count:,}" for kind, count in kinds if kind in list(Kind))
    print(
        f"Compared {report.head.size:,} entries under {report.heads:,} heads; {report.waiting:,} more wait."
    )
    print(f"Entries by kind: {by_kind or 'none'}.")
    print(f"Head: {report.head.size} {report.head.root.hex()}")
    if report.counts.erased:
        count = f"{report.counts.erased:,} of the invoices"
        print(
            f"{count} had their buyer erased, on purpose: everything else of them was compared, and stands."
        )
    for numbers in report.unused:
        print(f"Not used: {numbers}")
    for subject, what in report.found.told.items():
        print(f"✗ {subject}: {what}")
    if report.found.count > len(report.found.told):
        print(f"… and {report.found.count - len(report.found.told):,} more.")
    print(_sentence(report))


def _sentence(report: Report) -> str:
    chain = f" The chain was not asked: {report.not_asked}." if report.not_asked else ""
    if report.verdict == DIFFERENT:
        count = report.found.count
        return f"DIFFERENT. {count:,} {'thing does' if count == 1 else 'things do'} not fit.{chain}"
    if report.verdict == UNDECIDED:
        return f"UNDECIDED. Everything that is kept here fits.{chain}"
    return "CLEAN. Everything is what was attested, and the chain says the same."


@contextmanager
def _progress() -> Iterator[Tell]:
    """A bar on a terminal; elsewhere a line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("Comparing entries"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("entries", total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size, refresh=True)


def _lines() -> Tell:
    next_s = time.monotonic() + LINE_EVERY_S

    def tell(done: int, size: int) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + LINE_EVERY_S
            print(f"{done:,} of {size:,} entries", file=sys.stderr, flush=True)

    return tell
