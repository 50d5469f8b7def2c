"""Evidence files verified a second in one process, offline, as `verify --offline` does with a pile."""

from __future__ import annotations

import time

from invoice_service.ledger import evidence as ev
from scripts.benchmarks.report import Report
from tests.unit.ledger.evidence_files import Issuer

FILES = 3_000


def measure(runs: int) -> Report:
    """One run a time, of three invoices over and over: their bytes are read and checked each time anew."""
    report = Report(f"Verification of {FILES:,} evidence files, offline, one core")
    issuer = Issuer()
    files = [issuer.evidence(n).to_bytes() for n in range(3)]
    for _ in range(runs):
        began = time.process_time()
        for n in range(FILES):
            found = ev.verify(ev.parse(files[n % 3]), trusted_issuer=issuer.id, chain=None)
            if found.verdict != ev.GENUINE:
                raise RuntimeError(f"file {n % 3} is {found.verdict}")
        report.add({"files a second of processor time": FILES / (time.process_time() - began)})
    return report
