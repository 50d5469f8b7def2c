"""Lists of vendors and goods from XLSX or CSV: first a dry run that says what is wrong, then all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a row; `row` counts as the spreadsheet does. `message` is translated where shown."""

    row: int
    column: str  # its title in the file, or empty where the whole row is meant
    message: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """What a row does. `outcome`: added · changed · unchanged; `changes` are (column, before, after)."""

    row: int
    label: str
    outcome: str
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a dry run or a real one. Where there are problems nothing is brought in."""

    kind: str  # vendors · goods
    rows: int
    lines: tuple[ImportLine, ...]
    problems: tuple[Problem, ...]

    def count(self, outcome: str) -> int:
        return sum(line.outcome == outcome for line in self.lines)


def try_out(
    services: Services, actor: Actor, kind: str, data: bytes, market_code: str | None = None
) -> Outcome:
    """What bringing a file in would do, without doing it. Raises OutOfScope, and what the reader refuses."""
    raise NotImplementedError


def bring_in(
    services: Services, actor: Actor, kind: str, data: bytes, market_code: str | None = None
) -> Outcome:
    """Everything in the file, or nothing where the outcome has problems."""
    raise NotImplementedError
