"""Figures of several runs: medians, with the least and the greatest, since machines are noisy."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

ENOUGH_RUNS = 5  # a median of fewer says little on a machine that does other things too


class Report:
    """Collects one mapping of figures a run, says that each run is done, and prints a line a figure."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._values: dict[str, list[float]] = defaultdict(list)
        self._started_s = time.monotonic()

    def add(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._values[name].append(value)
        name, value = next(iter(figures.items()))
        print(f"  {time.monotonic() - self._started_s:5.0f} s  {name}: {value:,.2f}", flush=True)

    def show(self) -> None:
        print(f"\n{self.title} (median, least and greatest of the runs)")
        for name, figure in self.figures().items():
            spread = f"{figure['least']:,.2f} - {figure['greatest']:,.2f}"
            print(f"  {name:<58} {figure['median']:>12,.2f}   {spread}")
        print(flush=True)

    def figures(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "median": statistics.median(values),
                "least": min(values),
                "greatest": max(values),
                "runs": len(values),
            }
            for name, values in self._values.items()
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
