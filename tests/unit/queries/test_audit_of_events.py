"""What an audit asks a node that answers about few blocks at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from invoice_service.queries.audit.statuses import between


@dataclass
class AnswersAboutFewBlocks:
    """A node that refuses more than `most` blocks a question; each block has one event, its number."""

    most: int
    asked: list[tuple[int, int]] = field(default_factory=list)

    def block_number(self) -> int:
        return 10_000

    def block(self, _number: int) -> None:
        return None

    def between(self, first: int, last: int) -> Sequence[Any]:
        self.asked.append((first, last))
        if last - first + 1 > self.most:
            raise ConnectionError("query exceeds the range")
        return list(range(first, last + 1))


@pytest.mark.parametrize("most", [1, 7, 100, 1_000])
def test_each_block_is_asked_about_once_in_order(most: int) -> None:
    node: Any = AnswersAboutFewBlocks(most)
    assert list(between(node, 5, 1_004)) == list(range(5, 1_005))


def test_a_node_that_answers_nothing_is_not_asked_for_every_block() -> None:
    node: Any = AnswersAboutFewBlocks(0)
    with pytest.raises(ConnectionError):
        between(node, 1, 1_000)
    assert len(node.asked) <= 11
