"""Which sales of a market are asked for: days, and what narrows them; checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from invoice_service.domain.listing import check_period, chosen
from invoice_service.domain.money import yuan
from invoice_service.domain.party import TaxpayerKind
from invoice_service.errors import N_, Error, InvalidInput

INVOICED = ("all", "yes", "no")
TAXPAYER_KINDS = tuple(kind.value for kind in TaxpayerKind)
MAX_FEN = 2**53 - 1
AT_ONCE_MAX = 100_000  # rows of a CSV that is streamed while somebody waits
EXPORT_KEPT = timedelta(hours=24)  # how long a file that was made in the background can be fetched


class BadSalesFilter(InvalidInput):
    code = "sales.bad_filter"
    message = N_("Please give amounts of at least 0, the smaller first.")


class TooManyAtOnce(Error):
    code = "sales.too_many_at_once"
    message = N_("These days hold {orders} sales. Beyond {most} please begin an export and fetch its file.")
    status = 409


class TooManyExports(Error):
    code = "export.too_many"
    message = N_("Three of your exports are not finished yet. Please wait, or throw one away.")
    status = 409


@dataclass(frozen=True, slots=True)
class SalesAsked:
    """Paid on these days in Asia/Shanghai, both included. Raises BadPeriod, BadListing, BadSalesFilter."""

    first_day: date
    last_day: date
    invoiced: str = "all"
    vendor_id: int | None = None
    stall: str | None = None
    min_fen: int | None = None
    max_fen: int | None = None
    taxpayer_kind: str | None = None

    def __post_init__(self) -> None:
        check_period(self.first_day, self.last_day)
        chosen(self.invoiced, INVOICED, "invoiced")
        if self.taxpayer_kind is not None:
            chosen(self.taxpayer_kind, TAXPAYER_KINDS, "taxpayer_kind")
        amounts = [fen for fen in (self.min_fen, self.max_fen) if fen is not None]
        if amounts != sorted(amounts) or any(not 0 <= fen <= MAX_FEN for fen in amounts):
            raise BadSalesFilter({"min_fen": BadSalesFilter.message})

    @property
    def words(self) -> str:
        """For the access record, where those concerned read what was asked for, in whatever language."""
        given = {
            "vendor": self.vendor_id,
            "stall": self.stall,
            "≥": None if self.min_fen is None else yuan(self.min_fen),
            "≤": None if self.max_fen is None else yuan(self.max_fen),
            "invoiced": None if self.invoiced == "all" else self.invoiced,
            "taxpayer": self.taxpayer_kind,
        }
        narrowed = [f"{name} {value}" for name, value in given.items() if value is not None]
        return ", ".join([f"{self.first_day} – {self.last_day}", *narrowed])

    def to_json(self) -> dict[str, Any]:
        days = {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}
        names = ("invoiced", "vendor_id", "stall", "min_fen", "max_fen", "taxpayer_kind")
        return days | {name: getattr(self, name) for name in names}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> SalesAsked:
        days = {name: date.fromisoformat(kept[name]) for name in ("first_day", "last_day")}
        return cls(**{**kept, **days})
