"""A folder that a server running as another user can reach.

Where root runs the tests, PostgreSQL runs as an unprivileged user, and pytest closes its own folders
to others each time a run begins, beneath the servers of any other run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stall-ledger-test-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)
        yield folder
