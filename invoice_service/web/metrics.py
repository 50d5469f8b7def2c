"""Prometheus metrics: requests counted in each worker, the ledger's figures read when they are asked for."""

from __future__ import annotations

import os
import time
from pathlib import Path

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

from invoice_service.queries.operations import Readiness

REQUESTS = Counter("http_requests_total", "Requests answered", ["endpoint", "method", "status"])
SECONDS = Histogram(
    "http_request_seconds",
    "Time to answer",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5),
)


# Callers may invent methods; each label kept is memory, so all invented ones share one.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def share(folder: Path) -> None:
    """Let every worker of this machine count into files in `folder`. Call it before any of them counts."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    # The library has chosen already, when it was imported; no counter has a value before its first use.
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def register(app: Flask) -> None:
    app.before_request(_start)
    app.after_request(_count)


def exposition(readiness: Readiness) -> bytes:
    """Every worker's counters together with the figures of this moment."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_Figures(readiness))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> list[GaugeMetricFamily]:
        found = self._readiness
        figures = {
            ("outbox_depth", "Facts waiting to be sealed"): found.outbox_depth,
            ("log_sealed_entries", "Entries in the log"): found.sealed_size,
            ("log_mined_entries", "Entries under a head on chain"): found.mined_size,
            ("log_final_entries", "Entries under a final head"): found.final_size,
            ("chain_ok", "1 while the chain answers and nothing contradicts us"): int(found.chain == "ok"),
            ("chain_block_number", "Newest block seen"): found.block_number or 0,
            ("chain_blocks_unread", "Final blocks whose events were not taken in"): found.blocks_unread,
            ("chain_epochs", "Epochs of the contract that were opened"): found.epochs,
            ("head_pending_seconds", "Since a head was signed that no block holds"): found.head_pending_s,
            ("relays_waiting", "Claims, locks and credits not settled"): found.relays_waiting,
            ("relays_waiting_seconds", "Since the oldest of them was asked for"): found.relays_waiting_s,
            (
                "refunds_waiting",
                "Refunds that wait for the chain or the payment service",
            ): found.refunds_waiting,
            ("refunds_waiting_seconds", "Since the oldest of them was asked for"): found.refunds_waiting_s,
            ("clock_skew_ms", "Our clock minus the database's"): found.clock_skew_ms,
        }
        return [GaugeMetricFamily(name, text, value=value) for (name, text), value in figures.items()]


def _start() -> None:
    g.started_at = time.perf_counter()


def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(endpoint, method, response.status_code).inc()
    SECONDS.labels(endpoint).observe(time.perf_counter() - g.get("started_at", time.perf_counter()))
    return response
