"""Key a sale: the vendor types what is sold, and the shopper scans the code that the vendor's phone shows."""

from __future__ import annotations

from invoice_service.domain.keyed import KeyedSale
from invoice_service.domain.policy import Actor
from invoice_service.flow.order import Placed
from invoice_service.services import Services


def key_sale(
    services: Services,
    actor: Actor,
    sale: KeyedSale,
    *,
    idempotency_key: str,
    stall_code: str | None = None,
) -> Placed:
    """`Placed.token` opens `/o/{token}` for the shopper. `stall_code` where the vendor sells at several now.

    Raises NotAllowed, ChooseStall, StallUnattended, StallClosed, BadRounding, KeyReused, and the refusals
    of amount, goods and quantity.
    """
    raise NotImplementedError
