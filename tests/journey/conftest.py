"""A running installation per test module: real processes, real chain, real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import chromium
from tests.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Stack]:
    """Everything is up: web, sandbox, settler, chain, one small market with stall A01."""
    running = Stack(tmp_path_factory.mktemp("stack"), module_database_url)
    try:
        running.set_up()
        running.start("sandbox", "settle", "web")
        yield running
    finally:
        running.stop()


@pytest.fixture
def own_stack(tmp_path: Path, database_url: str) -> Iterator[Stack]:
    """An installation of the test's own, set up and not started: for tests that kill and change things."""
    running = Stack(tmp_path, database_url)
    try:
        running.set_up()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.running() as started:
        yield started
