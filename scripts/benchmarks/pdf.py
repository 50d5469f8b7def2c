"""The PDF of an anchored invoice: milliseconds each, evidence, QR code and attachment included.

An invoice's first PDF draws its QR code; the same worker finds that drawing again for the second. Both
are measured, on invoices that were ordered, paid, issued and anchored by a real installation.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.queries import documents
from invoice_service.services import Services
from scripts.benchmarks.installation import running
from scripts.benchmarks.report import Report

INVOICES = 20


def measure(runs: int) -> Report:
    report = Report("PDF of an anchored invoice")
    with running("sandbox", "settle", "web") as stack:
        services = build_services(Config.from_environment(stack.environment))
        try:
            warming = stack.invoice()
            stack.wait_anchored(warming)
            _each_ms(services, [warming["token"]])  # reads the fonts, once a process
            for _ in range(runs):
                issued = [stack.invoice() for _ in range(INVOICES)]
                stack.wait_anchored(issued[-1])
                tokens = [invoice["token"] for invoice in issued]
                first, again = _each_ms(services, tokens), _each_ms(services, tokens)
                report.add({"first PDF of an invoice, ms": first, "the same again, ms": again})
        finally:
            services.database.dispose()
    return report


def _each_ms(services: Services, tokens: Sequence[str]) -> float:
    """The middle time of one PDF."""
    took_ms = []
    for token in tokens:
        started = time.perf_counter()
        documents.pdf(services, token)
        took_ms.append((time.perf_counter() - started) * 1000)
    return statistics.median(took_ms)
