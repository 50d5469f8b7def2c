"""What one module logs within a block, whatever tests came before."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs


def of(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> AbstractContextManager[list[MutableMapping[str, Any]]]:
    """By a new logger: one that was used keeps how logs were configured then, and is not heard."""
    monkeypatch.setattr(module, "log", structlog.get_logger())
    return capture_logs()
