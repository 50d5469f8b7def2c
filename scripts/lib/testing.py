"""./scripts/test: every check, then every test, on three processes. The last line is pytest's summary."""

from __future__ import annotations

import os
import subprocess
import sys

from scripts.lib import browser, checking, progress
from scripts.lib.paths import ROOT

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Answers the exit code: of the checks when they fail, else of pytest."""
    try:
        chromium = browser.find_or_install()
        if checking.main() != 0:
            progress.say("The checks failed, so the tests were not run.")
            return 1
        # In the order of tests/conftest.py: xdist's own leaves the slowest files to the end, to one process.
        # Three on two cores: a journey waits for pages and blocks half of its time.
        spread = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
        pytest = [sys.executable, "-m", "pytest", *spread, *arguments]
        # Where nothing compiled may be kept, every service that a test starts compiles all of it anew.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["CHROMIUM"] = str(chromium)
        return subprocess.run(pytest, cwd=ROOT, env=environment, check=False).returncode
    except progress.Failed as failure:
        progress.say(str(failure))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
