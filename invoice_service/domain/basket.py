"""A basket: the orders, or the invoices, that one shopper brings at once, each named by its token."""

from __future__ import annotations

from collections.abc import Sequence

from invoice_service.errors import N_, InvalidInput

MOST = 20  # a morning at every stall of a lane; what is made of them at once stays small
NOTHING_CHOSEN = N_("Please choose at least one.")
TOO_MANY = N_("At most {most} can be done at once.")


class BadBasket(InvalidInput):
    code = "basket.invalid"
    message = N_("Please check what you chose.")


def chosen(tokens: Sequence[str], field: str) -> tuple[str, ...]:
    """Each token once, in the order they were given. Raises BadBasket for none, and for more than MOST."""
    found = tuple(dict.fromkeys(tokens))
    if not found:
        raise BadBasket({field: NOTHING_CHOSEN})
    if len(found) > MOST:
        raise BadBasket({field: TOO_MANY}, most=MOST)
    return found
