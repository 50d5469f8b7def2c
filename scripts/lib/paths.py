"""Where the checkout keeps what it makes. Deleting `.venv` sets everything up anew."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "stamps"
CACHES = VENV / "caches"  # used only where the home directory cannot be written
SETUP_LOG = VENV / "setup.log"
