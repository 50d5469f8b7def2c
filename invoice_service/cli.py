"""`python -m invoice_service COMMAND`: each command calls one flow or one query."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from chain import deploy as chain_deploy
from invoice_service import auditor, claimant, consenter, doctor, eraser, keyring, logs, settler
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.documents.attached import attached_evidence
from invoice_service.domain import relay
from invoice_service.domain.standing import Standing
from invoice_service.errors import N_, Error
from invoice_service.flow import change_status, companies, first_admin, open_epoch
from invoice_service.follow import follower
from invoice_service.follow.follower import Follower, Outcome
from invoice_service.follow.mirror import Mirror
from invoice_service.follow.site import Site
from invoice_service.ledger import evidence, keys, statement
from invoice_service.ledger.tree import HASH_BYTES
from invoice_service.onchain import ChainHeads
from invoice_service.queries import claims, verify
from invoice_service.store import rollups
from invoice_service.store.migrate import migrate
from invoice_service.store.unit_of_work import Database
from invoice_service.supervision import bundle
from invoice_service.web import metrics

EXIT_CODES = {evidence.GENUINE: 0, evidence.ALTERED: 1, evidence.UNKNOWN: 1, evidence.UNDECIDED: 2}

BUNDLE_EXIT_CODES = {bundle.RECOMPUTED: 0, bundle.ALTERED: 1, bundle.UNDECIDED: 2}
MARKS = {evidence.PASSED: "✓", evidence.FAILED: "✗", evidence.OPEN: "?"}


class BadRoot(Error):
    code = "root.bad"
    message = N_("{root} is neither a fingerprint of 64 hex digits nor a file with a root key.")
    status = 422


class BadNote(Error):
    code = "note.bad"
    message = N_("A credit note is named by its body commitment: 64 hex digits.")
    status = 422


class BadList(Error):
    code = "list.bad"
    message = N_("Line {line} is not an invoice's number and its token.")
    status = 422


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    try:
        config = Config.from_environment(os.environ)
        logs.configure(json=config.json_logs)
        sys.exit(arguments.run(config, arguments))
    except Error as error:
        sys.exit(f"{error} [{error.code}]")
    except ConnectionError as error:
        sys.exit(f"The chain does not answer: {error}")
    except OSError as error:  # a file that is not there, or not to be read
        sys.exit(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m invoice_service", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Config, Any], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("keys", make_keys, "Make the issuer's keys that are not there yet.")
    add("migrate", run_migrations, "Bring the database up to date.")
    add("recount", recount, "Make the sums of sales again from the sales themselves.")
    add("prepare", prepare, "Keys, migrations and an empty log, in one go.")
    deploying = add("deploy", deploy, "Deploy the contract and open the log in it, if no epoch is live.")
    deploying.add_argument(
        "--new-epoch", action="store_true", help="end the live one, and go on from its head"
    )
    add("web", web, "Serve pages and API.")
    add("settle", settle, "Seal, anchor and chase payments, until stopped.")
    add("sandbox", sandbox, "Serve the pretend payment service, for tests and demos.")
    admin = add("admin", invite_admin, "Print a link with which an administrator sets up a sign-in.")
    admin.add_argument("--login", required=True, metavar="NAME", help="what they sign in as")
    admin.add_argument("--name", required=True, metavar="NAME", help="what others read in records")
    _add_verifying(add)
    _add_claims(add)
    _add_upkeep(add)
    return parser


Add = Callable[[str, Callable[[Config, Any], int], str], argparse.ArgumentParser]


def _add_verifying(add: Add) -> None:
    verify = add("verify", verify_files, "Verify evidence files. Exit code 0 genuine, 1 not, 2 undecided.")
    verify.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="JSON evidence, or a PDF with one"
    )
    verify.add_argument("--trust", metavar="ROOT", help="the issuer's root: fingerprint in hex, or key file")
    chain = verify.add_mutually_exclusive_group()
    chain.add_argument("--rpc", metavar="URL", help="a chain endpoint to ask for head and status")
    chain.add_argument("--offline", action="store_true", help="ask no chain, as without --rpc")
    verify.add_argument("--json", action="store_true", help="one JSON object per file")
    again = add("recompute", recompute, "Make a finding again from its bundle. Exit code as for verify.")
    again.add_argument("file", type=Path, metavar="FILE", help="a bundle from a case")
    again.add_argument("--trust", metavar="ROOT", help="the issuer's root: fingerprint in hex, or key file")
    follow = add("follow", follow_log, "Mirror a public log. Exit code 0 consistent, 1 forked, 2 undecided.")
    follow.add_argument("url", metavar="URL", help="where the log is, for example https://HOST/log")
    follow.add_argument("--trust", metavar="ROOT", required=True, help="the issuer's root, as for verify")
    follow.add_argument("--into", metavar="DIR", required=True, type=Path, help="the folder to keep it in")
    follow.add_argument("--every", metavar="SECONDS", type=_seconds, help="look again and again")


def _add_claims(add: Add) -> None:
    for name, run, text in (
        ("claim", claim_or_release, "Claim invoices, on chain. Exit code 0 if all are the company's now."),
        ("release", claim_or_release, "Give claims up."),
        ("consent", agree, "Agree to credit notes on claimed invoices. Exit code 0 if none waits any more."),
    ):
        claiming = add(name, run, text)
        claiming.add_argument("list", metavar="LIST", help="a NUMBER and its TOKEN a line; - for stdin")
        claiming.add_argument("--service", required=True, metavar="URL", help="who issued them")
        claiming.add_argument("--rpc", required=True, metavar="URL", help="a chain endpoint of your choice")
        claiming.add_argument("--trust", required=True, metavar="ROOT", help="as for verify")
        claiming.add_argument("--key", required=True, type=Path, metavar="FILE", help="made if missing")
        if run is agree:
            claiming.add_argument("--yes", action="store_true", help="agree; else it is only shown")
        else:
            claiming.add_argument(
                "--relay", action="store_true", help="the service sends it; no coins needed"
            )
        claiming.set_defaults(does=name)
    company = add("company", put_company, "Put a company's account on record, once it was checked.")
    company.add_argument("--tax-id", required=True, metavar="USCC", help="统一社会信用代码, 18 characters")
    company.add_argument("--name", default="", metavar="NAME")
    account = company.add_mutually_exclusive_group(required=True)
    account.add_argument("--account", metavar="0x…", help="the account that it claims with from now on")
    account.add_argument("--end", action="store_true", help="its account needs tokens again")
    status = add("status", tell_status, "What became of an invoice; or lock it for a refund, and credit it.")
    status.add_argument("number", metavar="NUMBER")
    change = status.add_mutually_exclusive_group()
    change.add_argument("--lock", action="store_true", help="nobody can claim it, for at most 72 hours")
    change.add_argument("--unlock", action="store_true", help="the refund did not come about")
    change.add_argument("--credit", metavar="NOTE", help="the credit note's body commitment, in hex")
    status.add_argument("--whole", action="store_true", help="nothing of the invoice is left")


def _add_upkeep(add: Add) -> None:
    audit = add("audit", auditor.audit, "Compare all that is kept. Exit code 0 clean, 1 not, 2 undecided.")
    audit.add_argument("--restart", action="store_true", help="begin anew, also where a run was stopped")
    look = add("doctor", doctor.doctor, "Look the installation over. Exit code 0 well, 1 something to do.")
    look.add_argument("--json", action="store_true", help="one JSON object a check")
    erasing = add("erase", eraser.erase, "Erase an invoice's buyer; the invoice and its proofs stay.")
    erasing.add_argument("number", metavar="NUMBER", help="the invoice's, 20 digits")
    erasing.add_argument("--reason", required=True, metavar="TEXT", help="why; those concerned read it")


def make_keys(config: Config, _arguments: Any) -> int:
    made = keyring.make_missing(config.data_dir, now=datetime.now(UTC), issuer_name=config.issuer_name)
    issuer = keyring.load(config.data_dir).issuer_id.hex()
    print(f"{'Made' if made else 'Found'} the keys of issuer {issuer}")
    return 0


def run_migrations(config: Config, _arguments: Any) -> int:
    migrate(Database(config.database_url, pool_size=1))
    return 0


def recount(config: Config, _arguments: Any) -> int:
    with Database(config.database_url, pool_size=1).unit_of_work() as uow:
        rollups.recount(uow.connection)
        uow.commit()
    return 0


def prepare(config: Config, arguments: Any) -> int:
    make_keys(config, arguments)
    run_migrations(config, arguments)
    open_epoch.prepare_log(build_services(config), keyring.root_if_here(config.data_dir))
    return 0


def invite_admin(config: Config, arguments: Any) -> int:
    """The first administrator, whom nobody can invite, or one who can no longer sign in."""
    print(first_admin.invite(build_services(config), arguments.login, arguments.name))
    return 0


def deploy(config: Config, arguments: Any) -> int:
    services = build_services(config)
    keys_ = services.keyring
    deployer = chain_deploy.Deployer(
        config.chain_rpc_url, admin_key=keys_.admin, sequencer_key=keys_.sequencer
    )
    root = keyring.load_root(config.data_dir)
    epoch = open_epoch.open_or_go_on(services, deployer, root, anew=arguments.new_epoch)
    assert epoch.contract is not None  # noqa: S101 - open_epoch answers opened ones
    print(f"Contract 0x{epoch.contract.hex()} on chain {epoch.chain_id}")
    return 0


def web(config: Config, _arguments: Any) -> int:
    """gunicorn with a few processes of many threads: live pages hold a thread each, not a process."""
    counters = config.data_dir / "metrics"
    shutil.rmtree(counters, ignore_errors=True)
    counters.mkdir(parents=True)
    metrics.share(counters)
    from invoice_service.server import serve_web

    serve_web(config)
    return 0


def sandbox(config: Config, _arguments: Any) -> int:
    from invoice_service.payments.sandbox import service

    settings = service.SandboxSettings(
        database_url=config.database_url,
        data_dir=config.data_dir,
        bind=config.sandbox_bind,
        public_url=config.sandbox_public_url or config.sandbox_url,
        notify_url=f"{'https' if config.web_cert else 'http'}://{_first_bind(config)}/payments/sandbox/notify",
        notify_ca=config.local_ca if config.web_cert else None,
    )
    service.run(settings)
    return 0


def _first_bind(config: Config) -> str:
    """Where this machine itself reaches the web process; certificates are for `localhost`, not its number."""
    host, _, port = config.web_bind.split(",")[0].rpartition(":")
    return f"{'localhost' if host == '127.0.0.1' else host}:{port}"


def settle(config: Config, _arguments: Any) -> int:
    """Seal, anchor and chase payments until SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settler.run(build_services(config), stopping)
    return 0


def verify_files(config: Config, arguments: Any) -> int:
    trusted = _trusted(arguments.trust) if arguments.trust else None
    heads = ChainHeads(arguments.rpc, config.chain_timeout_s) if arguments.rpc else None
    return max(_verify_one(path, trusted, heads, as_json=arguments.json) for path in arguments.files)


def _verify_one(path: Path, trusted: bytes | None, heads: ChainHeads | None, *, as_json: bool) -> int:
    try:
        found = attached_evidence(path.read_bytes())
    except (OSError, evidence.NotEvidence) as error:
        print(f"{path}: not an evidence file ({error})", file=sys.stderr)
        return EXIT_CODES[evidence.ALTERED]
    verdict = evidence.verify(found, trusted_issuer=trusted, chain=heads)
    if as_json:
        steps = [{"name": s.name, "outcome": s.outcome, "detail": s.detail} for s in verdict.steps]
        told = {"file": str(path), "verdict": verdict.verdict, "steps": steps, "status": _status(verdict)}
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print_verdict(path, verdict, heads.rpc_url if heads else None)
    return EXIT_CODES[verdict.verdict]


def _status(verdict: evidence.Verdict) -> dict[str, Any] | None:
    """What became of it, by the chain as of now; None where it was not asked, or does not say."""
    found = verdict.standing
    if found is None:
        return None
    since = found.since.isoformat() if found.since else None
    return {"status": found.status, "state": found.state, "notes": found.notes, "since": since}


def _print_verdict(path: Path, verdict: evidence.Verdict, endpoint: str | None) -> None:
    sentence = verify.sentence(verdict)
    if verdict.verdict == evidence.GENUINE and endpoint is None:
        sentence = f"{verify.CHAIN_NOT_ASKED.removesuffix('.')} (--rpc URL)."
    print(f"{path}: {verdict.verdict.upper()}. {sentence}")
    for step in verdict.steps:
        print(f"  {MARKS[step.outcome]} {step.name}: {step.detail}")
    if verdict.existed_by:
        print(f"  Existed by {verdict.existed_by:%Y-%m-%d %H:%M:%S} UTC.")
        print(f"  That chain is run by: {verdict.chain_operator}. This is as told by {endpoint}.")
        if verdict.document != evidence.CREDIT_NOTE:
            print(f"  Now: {_now(verdict.standing)}")


def _now(standing: Standing | None) -> str:
    if standing is None:
        return "the chain does not say what became of it."
    claim = {
        evidence.CLAIMED: f", claimed since {standing.since:%Y-%m-%d %H:%M:%S} UTC" if standing.since else "",
        evidence.LOCKED: ", locked for a refund",
        evidence.FREE: ", not claimed",
    }.get(standing.state, "")
    return f"{standing.status.replace('_', ' ')}{claim}; credit notes: {standing.notes}."


def claim_or_release(_config: Config, arguments: Any) -> int:
    wanted = _wanted(arguments.list)
    company = _company(arguments, relayed=arguments.relay)
    act = company.claim if arguments.does == "claim" else company.release
    return _tell(act(wanted, datetime.now(UTC)), claimant.DONE)


def agree(_config: Config, arguments: Any) -> int:
    wanted = _wanted(arguments.list)
    asked = consenter.consent(_company(arguments), wanted, datetime.now(UTC), agrees=arguments.yes)
    return _tell(asked, consenter.DONE)


def _company(arguments: Any, *, relayed: bool = False) -> claimant.Claimant:
    """Raises BadRoot."""
    key, trusted = keyring.company_key(arguments.key), _trusted(arguments.trust)
    company = claimant.Claimant(arguments.service, arguments.rpc, trusted, key, relayed)
    print(f"Company 0x{company.address.hex()}")
    return company


def _tell(outcomes: Iterable[claimant.Outcome], good: Collection[str]) -> int:
    done = True
    for outcome in outcomes:
        since = f" since {outcome.since:%Y-%m-%d %H:%M:%S} UTC" if outcome.since else ""
        print(f"{outcome.number}: {outcome.word}{since}{'. ' if outcome.detail else ''}{outcome.detail}")
        done = done and outcome.word in good
    return 0 if done else 1


def put_company(config: Config, arguments: Any) -> int:
    services = build_services(config)
    if arguments.end:
        companies.end(services, arguments.tax_id)
    else:
        companies.add(services, arguments.tax_id, arguments.name, arguments.account)
    return 0


def tell_status(config: Config, arguments: Any) -> int:
    services = build_services(config)
    change = _change(arguments)
    if change is not None:
        change_status.change_status(services, arguments.number, change)
        print("Kept; the settler sends it.")
    print(f"{arguments.number}: {_now(claims.standing(services, arguments.number))}")
    return 0


def _change(arguments: Any) -> relay.IssuersChange | None:
    """Raises BadNote."""
    if arguments.lock:
        return relay.Lock()
    if arguments.unlock:
        return relay.Unlock()
    if arguments.credit is None:
        return None
    try:
        note = bytes.fromhex(arguments.credit)
    except ValueError:
        note = b""
    if len(note) != HASH_BYTES:
        raise BadNote
    return relay.Credit(note, arguments.whole)


def _wanted(name: str) -> list[claimant.Wanted]:
    """What stands in the file of this name. Raises BadList, naming the line."""
    text = sys.stdin.read() if name == "-" else Path(name).read_text()
    wanted = []
    for n, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2 or not (parts[0].isascii() and parts[0].isdigit()):
            raise BadList(line=n)
        wanted.append(claimant.Wanted(*parts))
    return wanted


def recompute(_config: Config, arguments: Any) -> int:
    trusted = _trusted(arguments.trust) if arguments.trust else None
    try:
        with arguments.file.open("rb") as file:
            finding, verdict = bundle.verify(file, trusted_issuer=trusted)
    except (OSError, bundle.NotABundle) as error:
        print(f"{arguments.file}: not a bundle ({error})", file=sys.stderr)
        return BUNDLE_EXIT_CODES[bundle.ALTERED]
    print(f"{arguments.file}: {verdict.verdict.upper()}. {finding.rule}, {finding.last_day}: {finding.key}")
    for step in verdict.steps:
        print(f"  {MARKS[step.outcome]} {step.name}: {step.detail}")
    for name, value in finding.figures.items():
        print(f"    {name}: {value}")
    return BUNDLE_EXIT_CODES[verdict.verdict]


def _trusted(root: str) -> bytes:
    """A fingerprint in hex; or a file with the root's public key, a certificate, or an issuer statement.

    Raises BadRoot.
    """
    path = Path(root)
    try:
        if not path.exists():
            found = bytes.fromhex(root.removeprefix("0x"))
        elif (data := path.read_bytes()).lstrip().startswith(b"{"):
            found = statement.open_signed(json.loads(data)).issuer_id
        else:
            found = keys.key_id(keys.public_key_in(data))
    except (ValueError, LookupError, RecursionError) as error:
        raise BadRoot(root=root) from error
    if len(found) != HASH_BYTES:
        raise BadRoot(root=root)
    return found


def follow_log(_config: Config, arguments: Any) -> int:
    try:
        trusted = _trusted(arguments.trust)
    except (OSError, BadRoot) as error:
        print(f"Undecided: --trust names no root key ({error}).", file=sys.stderr)
        return follower.UNDECIDED
    try:
        site = Site(arguments.url)
    except ValueError as error:
        print(f"Undecided: URL is no log's address: {error}.", file=sys.stderr)
        return follower.UNDECIDED
    following = Follower(site, Mirror(arguments.into), trusted, _progress())
    wait = partial(time.sleep, arguments.every) if arguments.every else None
    try:
        return following.follow(_say_outcome, wait)
    except KeyboardInterrupt:
        print("Stopped. The next run goes on from here.", file=sys.stderr)
        return follower.UNDECIDED


def _say_outcome(outcome: Outcome) -> None:
    print(outcome.said, file=sys.stdout if outcome.code == follower.CONSISTENT else sys.stderr, flush=True)


def _seconds(text: str) -> int:
    seconds = int(text)
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError("1 to 86400 seconds")
    return seconds


def _progress(every_s: float = 2) -> follower.Progress:
    """Says how far it is, where it takes longer than a person waits without asking."""
    next_s = time.monotonic() + every_s

    def tell(kept: int, size: int) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + every_s
            print(f"{kept:,} of {size:,} entries", file=sys.stderr, flush=True)

    return tell
