"""`./scripts/bench [NAME…] [--runs N] [--json FILE]`: every benchmark, or those that are named."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from scripts.benchmarks import (
    audit,
    desks,
    gas,
    growth,
    ledger,
    path,
    pdf,
    phones,
    plans,
    rules,
    seal,
    seed,
    start,
    verify,
)
from scripts.benchmarks.report import ENOUGH_RUNS, Report
from scripts.lib.paths import ROOT
from scripts.lib.progress import Failed

GROWTH = "growth"
BENCHMARKS = {
    "path": path.measure,
    "seal": seal.measure,
    "gas": gas.measure,
    "start": start.measure,
    "pdf": pdf.measure,
    "seed": seed.measure,
    "phones": phones.measure,
    "rules": rules.measure,
    "verify": verify.measure,
    "ledger": ledger.measure,
    GROWTH: growth.measure,
    "audit": audit.measure,
}
ON_HISTORY = "desks"  # measured on a data directory that seed has filled, so only when it is named
PLANS = "plans"  # writes docs/reference/plans.md from such a directory
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    reports: dict[str, Report] = {}
    try:
        if options.orders is not None:
            seed.fill(options.data, options.orders, stalls=options.stalls)
            return 0
        if options.names == [PLANS]:
            plans.write(options.data)
            return 0
        for name in options.names or BENCHMARKS:
            print(f"Measuring {name}, {options.runs} runs …", flush=True)
            reports[name] = _measure(name, options)
            reports[name].show()
            if options.json is not None:  # after each, so that an interruption keeps what was measured
                _write(options.json, reports)
    except Failed as failure:
        print(failure)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; what the benchmarks had started is gone again.")
        return INTERRUPTED
    return 0


def _measure(name: str, options: argparse.Namespace) -> Report:
    if name == ON_HISTORY:
        return desks.measure(options.data, options.runs)
    if name == GROWTH:
        return growth.measure(options.runs, options.sizes)
    return BENCHMARKS[name](options.runs)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/bench", description="Measure Stall Ledger on this machine."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(BENCHMARKS)}; all where none; or {ON_HISTORY}, or {PLANS}",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=ENOUGH_RUNS,
        help=f"runs of each, of which the median is shown ({ENOUGH_RUNS})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    filling = parser.add_argument_group(
        "seed with --orders fills a data directory instead of measuring; desks measures on it"
    )
    filling.add_argument("--orders", type=int, metavar="N", help="make a history of so many orders")
    filling.add_argument("--data", type=Path, default=ROOT / ".data", metavar="DIR", help="there (.data)")
    filling.add_argument("--stalls", type=int, default=200, help="in a demo market of so many (%(default)s)")
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=growth.SIZES,
        metavar="N,…",
        help=f"the logs of {GROWTH}, in order ({','.join(map(str, growth.SIZES))}); 10000000 takes 5 GB",
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - {*BENCHMARKS, ON_HISTORY, PLANS}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if PLANS in options.names and len(options.names) > 1:
        parser.error(f"{PLANS} goes alone")
    if options.orders is not None and (options.names != ["seed"] or options.orders < 1):
        parser.error("--orders goes with seed alone, and is at least 1")
    if options.runs < 1:
        parser.error("at least one run is needed")
    return options


def _sizes(text: str) -> tuple[int, ...]:
    """Numbers from 1, with commas between them. Raises ValueError, which argparse tells."""
    sizes = tuple(int(each) for each in text.split(","))
    if sizes[0] < 1 or any(one >= other for one, other in itertools.pairwise(sizes)):
        raise ValueError(text)
    return sizes


def _write(file: Path, reports: dict[str, Report]) -> None:
    """The figures, with what a reader needs to compare them: when, where and which commit."""
    document = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processors": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "benchmarks": {
            name: {"title": report.title, "figures": report.figures()} for name, report in reports.items()
        },
    }
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _commit() -> str | None:
    """None where the checkout came without its history, or without git."""
    try:
        asked = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return asked.stdout.strip() or None
