"""The browser's verifier as Node runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chain.node import find_node
from scripts.lib import assets

LIBRARY = assets.SOURCES / "verify" / "library.js"


@pytest.fixture(scope="session")
def node() -> Path:
    return find_node()


@pytest.fixture(scope="session")
def library(node: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the page's bundle is made, for browsers as old as the page's, but importable."""
    bundle = tmp_path_factory.mktemp("verifier") / "library.mjs"
    flags = ["--bundle", "--minify", "--format=esm", f"--target={assets.TARGET}", "--log-level=warning"]
    command = [node, assets.LAUNCHER, LIBRARY, *flags, f"--outfile={bundle}"]
    subprocess.run(command, cwd=assets.ROOT, check=True)
    return bundle
