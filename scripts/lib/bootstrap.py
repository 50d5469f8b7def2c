"""From a bare Python to a checkout that is ready: the first thing every script does.

Two passes through the same script. The first, in whatever Python the person has, needs only the
standard library: it makes `.venv`, installs the pinned packages and starts the script again inside.
The second, inside `.venv`, fetches Node's packages, builds the page assets and compiles the
translations (see `provision`). Each step is skipped when nothing it depends on has changed, so the
usual start costs a few digests.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.lib import progress, stamps
from scripts.lib.paths import CACHES, ROOT, SETUP_LOG, VENV, VENV_PYTHON
from scripts.lib.progress import Failed


def enter(script: str, requirements: str = "requirements.txt") -> None:
    """Set the checkout up; come back only inside `.venv`. Leaves with a sentence when it cannot."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)  # end a running step as Ctrl-C does
    try:
        _use_own_caches_without_a_home()
        with _one_at_a_time(), _readable_by_all():
            _make_venv()
            install(requirements)
            if _inside_venv():
                from scripts.lib import provision

                provision.everything(for_tests=requirements != "requirements.txt")
        if not _inside_venv():
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), script, *sys.argv[1:]])  # noqa: S606
    except Failed as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"{error}\n{progress.advice_on(str(error))}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. What was set up so far is kept; run this again to go on.")


def install(requirements: str) -> None:
    """Install a pinned list into `.venv`, unless exactly that list is installed already."""
    base = stamps.digest([ROOT / "requirements.txt"], _python_identity())
    inputs = stamps.digest([ROOT / requirements], base)
    if stamps.is_current(requirements, inputs):
        return
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    progress.run(
        f"Installing Python packages ({requirements})", [*pip, "-r", str(ROOT / requirements)], SETUP_LOG
    )
    stamps.set_current(requirements, inputs)


def _inside_venv() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _python_identity() -> str:
    """Which Python `.venv` stands on: after an upgrade of the machine's Python it must be made anew."""
    return os.path.realpath(VENV_PYTHON)


def _make_venv() -> None:
    if _inside_venv() or stamps.is_current("venv", _python_identity()):
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Failed(
            "This Python cannot make virtual environments: its 'venv' and 'ensurepip' modules are missing.\n"
            f"On Debian and Ubuntu: sudo apt-get install -y python{version}-venv. Then run this again."
        )
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    with tempfile.NamedTemporaryFile() as log:  # not in .venv: --clear empties it
        progress.run("Making the virtual environment .venv", command, Path(log.name))
    stamps.set_current("venv", _python_identity())


def _use_own_caches_without_a_home() -> None:
    """pip, npm and the browser keep caches in the home directory, which a service account may not have."""
    home = os.environ.get("HOME", "")
    if home and os.access(home, os.W_OK | os.X_OK):
        return
    os.environ.update(
        PIP_CACHE_DIR=str(CACHES / "pip"), npm_config_cache=str(CACHES / "npm"), XDG_CACHE_HOME=str(CACHES)
    )


@contextmanager
def _readable_by_all() -> Iterator[None]:
    """Packages are no secret, and started by root PostgreSQL's programs run as another user."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two scripts started together must not install over each other: the second waits."""
    lock = os.open(ROOT, os.O_RDONLY)  # the folder itself is what is being changed
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("Waiting for another script that is setting this checkout up …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
