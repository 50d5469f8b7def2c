"""`python -m invoice_service erase`: erases an invoice's buyer, and says what that reached and what not."""

from __future__ import annotations

from typing import Any

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import erase as erasing


def erase(config: Config, arguments: Any) -> int:
    services = build_services(config)
    try:
        erased = erasing.erase(services, arguments.number, arguments.reason)
    finally:
        services.database.dispose()
    when = f"{erased.at:%Y-%m-%d %H:%M:%S} UTC"
    if erased.again:
        print(f"The buyer of invoice {erased.number} was erased before, at {when}. Nothing was changed.")
    else:
        print(f"Erased the buyer of invoice {erased.number} at {when}, and wrote down that and why.")
    print("The invoice and its proofs stand. Copies that were handed out, and backups, are not reached.")
    if erased.findings:
        print(f"Findings of the tax office that name the company, and are kept: {erased.findings}.")
    return 0
