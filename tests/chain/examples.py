"""Properties that are tried on a chain: hypothesis draws, and the chain says how many are quick."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

# A call takes Ganache five times as long as Anvil. What is drawn begins alike on each chain.
EXAMPLES = {"anvil": 40, "ganache": 4, "hardhat": 4}

Test = Callable[..., None]


def for_examples(
    counts: Mapping[str, int] = EXAMPLES, /, **strategies: SearchStrategy[Any]
) -> Callable[[Test], Test]:
    """hypothesis' `given`, for tests that take a `ledger` on any of the chains."""

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def on_the_chain(**fixtures: Any) -> None:
            def example(**drawn: Any) -> None:
                test(**fixtures, **drawn)

            count = counts[fixtures["ledger"].chain.name]
            settings(max_examples=count, deadline=None, derandomize=True)(given(**strategies)(example))()

        taken = inspect.signature(test).parameters.values()
        kept = [one for one in taken if one.name not in strategies]
        on_the_chain.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        return on_the_chain

    return decorate
