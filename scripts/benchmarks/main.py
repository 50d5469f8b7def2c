"""`./scripts/bench [NAME…] [--runs N]`: every benchmark, or those that are named."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from scripts.benchmarks import gas, path, seal, start

BENCHMARKS = {"path": path.measure, "seal": seal.measure, "gas": gas.measure, "start": start.measure}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./scripts/bench", description="Measure Stall Ledger on this machine."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all where none"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each, of which the median is shown (5)")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    for name in options.names or BENCHMARKS:
        print(f"Measuring {name}, {options.runs} runs …", flush=True)
        BENCHMARKS[name](options.runs)
    return 0
