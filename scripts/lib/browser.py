"""The Chromium that the browser tests drive: one found on the machine, else one installed where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.lib import progress
from scripts.lib.paths import SETUP_LOG

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
MAC_APP = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PLAYWRIGHTS = "chromium-*/chrome-*/chrome"


def find_or_install() -> Path:
    """Raises Failed with what to install when there is no way to get one."""
    found = find()
    if found is None:
        _install()
        found = find()
    if found is None:
        raise progress.Failed("Chromium was installed but does not start. Set CHROMIUM to one that does.")
    return found


def find() -> Path | None:
    """The first candidate that really starts: some distributions ship a stub that only gives advice."""
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("CHROMIUM"):
        yield Path(named)
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    yield Path(MAC_APP)
    yield from sorted(_playwright_browsers().glob(PLAYWRIGHTS), reverse=True)


def _playwright_browsers() -> Path:
    """Where `playwright install` puts its browsers."""
    if folder := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return Path(folder)
    home = Path(os.environ.get("HOME") or "/")
    if sys.platform == "darwin":
        return home / "Library/Caches/ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "ms-playwright"


def _starts(path: Path) -> bool:
    try:
        return (
            subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        progress.run("Updating the list of Debian packages", ["apt-get", "update"], SETUP_LOG, quietly)
        progress.run("Installing Chromium", ["apt-get", "install", "-y", "chromium"], SETUP_LOG, quietly)
        return
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    progress.run("Installing Chromium for the browser tests", command, SETUP_LOG)
