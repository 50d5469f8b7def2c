"""The PDF of an anchored invoice: milliseconds each, and how many two processes make and sign a second.

An invoice's first PDF draws its codes; the same worker finds those drawings again for the second. Both
are measured, on invoices that were ordered, paid, issued and anchored by a real installation, whose database
is asked each time for what stands where. Setting and signing alone, in one process and in two, is of invoices
of three lines that all differ, with evidence and XML attached, and without a database.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.documents.cms import Signer, signer_of
from invoice_service.documents.pdf import invoice_pdf
from invoice_service.documents.xml.ubl import ubl
from invoice_service.queries import documents
from invoice_service.services import Services
from scripts.benchmarks.installation import running
from scripts.benchmarks.report import Report
from tests.unit.documents.test_pdf import BUYER, SIGNED_URL, VERIFY_PAGE, invoice, line

PROCESSES = 2
EACH = 200  # PDFs of a process in a run
WARMING = 10  # reads the fonts, and fills what Typst remembers
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
                figures = {"first PDF of an invoice, ms": first, "the same again, ms": again}
                report.add(figures | _alone() | _in_processes())
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


def _alone() -> dict[str, float]:
    """Nothing else runs then but the installation, which has nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        took_s, _ = _set_and_sign(_with_keys(folder), time.time(), 2)
    return {"setting and signing one, ms": took_s / EACH * 1000}


def _with_keys(folder: str) -> str:
    keyring.make_missing(Path(folder), now=datetime.now(UTC), issuer_name="bench")
    return folder


def _in_processes() -> dict[str, float]:
    """Both begin at an agreed instant, so that starting them is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        _with_keys(folder)
        with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
            begin_at = time.time() + 5
            made = [pool.submit(_set_and_sign, folder, begin_at, n) for n in range(PROCESSES)]
            took = [each.result() for each in made]
    return {
        "signed PDFs a second, two processes": sum(EACH / took_s for took_s, _ in took),
        "processor time of one there, ms": statistics.mean(spent_s for _, spent_s in took) / EACH * 1000,
    }


def _set_and_sign(folder: str, begin_at: float, process: int) -> tuple[float, float]:
    """(seconds, seconds of processor time) of EACH signed PDFs."""
    signer = signer_of(keyring.load(Path(folder)))
    for n in range(WARMING):
        _one(signer, f"9{process}{n:03}")
    time.sleep(max(0, begin_at - time.time()))
    began, began_processor = time.perf_counter(), time.process_time()
    for n in range(EACH):
        _one(signer, f"{process}{n:03}")
    return time.perf_counter() - began, time.process_time() - began_processor


def _one(signer: Signer, mark: str) -> None:
    lines = (line(f"普洱山货{mark}号", amount_fen=800 + int(mark) + n) for n in range(3))
    body = invoice(*lines, number=f"26539{mark:0>15}")
    buyer = BUYER | {"name": f"昆明滇味餐饮{mark}公司"}
    invoice_pdf(
        body,
        buyer,
        link=SIGNED_URL[: -len(mark)] + mark,
        verify_page=VERIFY_PAGE,
        evidence_json=b'{"some":"%s"}' % (mark.encode() * 1500),
        ledger_line=f"存证第 {mark} 条，已上链：区块 {mark}",
        xml=ubl(body, buyer),
        signer=signer,
    )
