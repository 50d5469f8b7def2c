"""Figures of several runs: medians, with the least and the greatest, since machines are noisy."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence


class Report:
    """Collects one mapping of figures a run, and prints a line a figure."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._values: dict[str, list[float]] = defaultdict(list)

    def add(self, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._values[name].append(value)

    def show(self) -> None:
        runs = max(len(values) for values in self._values.values())
        print(f"\n{self.title} (median of {runs} runs, least and greatest)")
        for name, values in self._values.items():
            middle, least, most = statistics.median(values), min(values), max(values)
            print(f"  {name:<58} {middle:>12,.2f}   {least:,.2f} - {most:,.2f}")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
