"""What was sold and invoiced over some time, summed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some time. exempt + taxable_net + tax = amount."""

    orders: int = 0
    amount_fen: int = 0
    exempt_fen: int = 0
    taxable_net_fen: int = 0
    tax_fen: int = 0
    invoices: int = 0
    invoiced_fen: int = 0

    @property
    def moved(self) -> bool:
        """Whether anything was sold, or went back."""
        return bool(self.orders or self.amount_fen)

    @property
    def invoiced_percent(self) -> int | None:
        """Invoices per hundred orders; None where nothing was sold."""
        return min(100, round(100 * self.invoices / self.orders)) if self.orders else None
