"""Whatever a log answers, a follower ends with one plain sentence, and keeps nothing that was not proven."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from invoice_service import cli
from invoice_service.follow.follower import CONSISTENT, FORKED, UNDECIDED, Follower
from invoice_service.follow.mirror import Mirror
from invoice_service.follow.site import NoAnswer, Site
from invoice_service.ledger import statement, tiles
from tests.unit.follow.logs import ISSUER, Answer, Server, body, files, note, served, statement_of
from tests.unit.ledger.evidence_files import MADE_MS, Issuer, sign_statement

HONEST = files(300)
HEAD, STATEMENT = HONEST[tiles.CHECKPOINT], HONEST[tiles.ISSUER]
TILE, BUNDLE = "tile/0/001.p/44", "tile/entries/000"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def server() -> Iterator[Server]:
    with served(HONEST) as running:
        yield running


@pytest.fixture
def run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command, as from a shell: its exit code and the one line that it said."""

    def follow(url: str = server.url, trust: str = ISSUER.id.hex(), *more: str) -> tuple[int, str]:
        command = ["follow", url, "--trust", trust, "--into", str(tmp_path / "mirror"), *more]
        monkeypatch.setattr(sys, "argv", ["invoice_service", *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        lines = (said.out + said.err).splitlines()
        assert len(lines) == 1, lines
        assert lines[0].isprintable()
        assert isinstance(ended.value.code, int)
        return ended.value.code, lines[0]

    return follow


def flipped(data: bytes) -> bytes:
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


def answered(status: int, data: bytes = b"", **headers: str) -> Answer:
    return lambda handler: body(handler, data, status, **headers)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """No length, and no end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(65_536))
    except OSError:
        handler.close_connection = True


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "8192")
    handler.end_headers()
    handler.wfile.write(bytes(100))
    handler.close_connection = True


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x16\x03\x01 what?\r\n\r\n" * 9)
    handler.close_connection = True


def resized(size: str) -> bytes:
    return HEAD.replace(b"\n300\n", f"\n{size}\n".encode())


def stating(**changes: object) -> bytes:
    """A statement that the right root signed and that says something else."""
    return json.dumps(sign_statement(ISSUER.statement.to_json() | changes, ISSUER.root)).encode()


BOMB = gzip.compress(bytes(50_000_000))
UNDECIDABLE: Mapping[str, Mapping[str, bytes | Answer | None]] = {
    "no statement": {tiles.ISSUER: None},
    "a statement that is no JSON": {tiles.ISSUER: b"\xff\x00<html>"},
    "a statement that is a list": {tiles.ISSUER: b"[]"},
    "a statement of a million brackets": {tiles.ISSUER: b"[" * 250_000},
    "a statement that is too large": {tiles.ISSUER: b" " * 256_001},
    "a statement without end": {tiles.ISSUER: endless},
    "a statement that unpacks without end": {tiles.ISSUER: answered(200, BOMB, Content_Encoding="gzip")},
    "a statement that cannot be unpacked": {tiles.ISSUER: answered(200, b"junk", Content_Encoding="gzip")},
    "a statement that nobody signed": {tiles.ISSUER: STATEMENT.replace(b"Test issuer", b"Best issuer")},
    "another issuer's statement": {tiles.ISSUER: statement_of(Issuer(2))},
    "another version of a statement": {tiles.ISSUER: stating(version=2)},
    "a statement without keys": {tiles.ISSUER: stating(keys=[])},
    "a log key that was revoked": {tiles.ISSUER: statement_of(Issuer(log_revoked_ms=MADE_MS))},
    "another log of the issuer": {tiles.ISSUER: stating(origin="elsewhere.local/log")},
    "no head": {tiles.CHECKPOINT: None},
    "an empty head": {tiles.CHECKPOINT: b""},
    "a head that is no text": {tiles.CHECKPOINT: b"\xff\xfe\x00"},
    "a head without end": {tiles.CHECKPOINT: endless},
    "a head that nobody signed": {tiles.CHECKPOINT: HEAD[: HEAD.index("—".encode())]},
    "a head that another key signed": {tiles.CHECKPOINT: note(300, bytes(32), issuer=Issuer(2))},
    "a head of another origin": {tiles.CHECKPOINT: note(300, bytes(32), origin="elsewhere.local/log")},
    "a head with another size": {tiles.CHECKPOINT: resized("301")},
    "a negative size": {tiles.CHECKPOINT: resized("-300")},
    "a signed negative size": {tiles.CHECKPOINT: note(-1, bytes(32))},
    "a size with a leading zero": {tiles.CHECKPOINT: resized("0300")},
    "a size of 2^63": {tiles.CHECKPOINT: note(2**63, bytes(32))},
    "a size of a thousand digits": {tiles.CHECKPOINT: note(10**999, bytes(32))},
    "a tile less": {TILE: None},
    "a tile that was cut": {TILE: HONEST[TILE][:-1]},
    "a tile that is too long": {TILE: HONEST[TILE] + bytes(32)},
    "a tile of another width": {TILE: HONEST[TILE][:-32]},
    "an empty tile": {TILE: b""},
    "a tile that breaks off": {"tile/0/000": broken_off},
    "a tile without end": {"tile/0/000": endless},
    "a bundle less": {BUNDLE: None},
    "a bundle that was cut": {BUNDLE: HONEST[BUNDLE][:-1]},
    "a bundle with an entry more": {BUNDLE: HONEST[BUNDLE] + HONEST[BUNDLE][:135]},
    "an error": {TILE: answered(500, b"Traceback \x1b[31m")},
    "too often": {TILE: answered(429, Retry_After="3600")},
    "what is not HTTP": {tiles.CHECKPOINT: no_http},
    "a redirect to nowhere": {TILE: answered(302, Location="http://[")},
    "a redirect to a file": {TILE: answered(302, Location="file:///etc/passwd")},
    "a redirect in circles": {TILE: answered(307, Location="001.p/44")},
}  # fmt: skip
CONTRADICTING: Mapping[str, Mapping[str, bytes]] = {
    "a bit of the edge": {TILE: flipped(HONEST[TILE])},
    "a bit of a full tile": {"tile/0/000": flipped(HONEST["tile/0/000"])},
    "a bit above": {"tile/1/000.p/1": HONEST["tile/1/000.p/1"][::-1]},
    "a bit of an entry": {BUNDLE: flipped(HONEST[BUNDLE])},
    "other entries": {BUNDLE: files(300, 0)[BUNDLE]},
    "an entry of another length": {BUNDLE: b"\x00\x84" + HONEST[BUNDLE][2:]},
    "a root of nothing": {tiles.CHECKPOINT: note(300, bytes(32))},
    "an empty log with a root": {tiles.CHECKPOINT: note(0, bytes(32))},
    "another log's tiles": {**files(300, 0), tiles.CHECKPOINT: HEAD},
}


def changed(answers: Mapping[str, bytes | Answer | None]) -> dict[str, bytes | Answer]:
    return {name: answer for name, answer in {**HONEST, **answers}.items() if answer is not None}


@pytest.mark.parametrize("name", UNDECIDABLE)
def test_what_decides_nothing(server: Server, run: Run, tmp_path: Path, name: str) -> None:
    server.show(changed(UNDECIDABLE[name]))
    code, said = run()
    assert code == UNDECIDED, said
    assert said.startswith("Undecided: ")
    assert Mirror(tmp_path / "mirror").note() is None
    server.show(HONEST)
    assert run()[0] == CONSISTENT
    assert Mirror(tmp_path / "mirror").note() == HEAD


@pytest.mark.parametrize("had", [None, 200])
@pytest.mark.parametrize("name", CONTRADICTING)
def test_what_contradicts_its_own_signed_head(
    server: Server, run: Run, tmp_path: Path, name: str, had: int | None
) -> None:
    if had is not None:
        server.show(files(had))
        run()
    server.show(changed(CONTRADICTING[name]))
    code, said = run()
    assert code == FORKED, said
    forked = had is not None and name == "an empty log with a root"  # an older head that is not of this log
    assert ("HAS FORKED" if forked else "CONTRADICTS ITSELF") in said
    assert Mirror(tmp_path / "mirror").note() == (None if had is None else files(had)[tiles.CHECKPOINT])


def test_no_other_host_is_asked(server: Server, run: Run) -> None:
    """Threat 14: an answer that makes us fetch something."""
    with served(HONEST) as other:
        for location in (f"{other.url}/{TILE}", f"//{other.url.split('/')[2]}/log/{TILE}"):
            server.show(changed({TILE: answered(302, Location=location)}))
            code, said = run()
            assert (code, "another host" in said) == (UNDECIDED, True)
        assert other.asked == []


def test_the_same_host_may_lead_on(server: Server, run: Run) -> None:
    server.show(changed({TILE: answered(301, Location="/log/moved"), "moved": HONEST[TILE]}))
    assert run()[0] == CONSISTENT


def test_packed_answers_are_unpacked(server: Server, run: Run) -> None:
    packed = {
        name: answered(200, gzip.compress(data), Content_Encoding="gzip") for name, data in HONEST.items()
    }
    server.show(packed)
    assert run()[0] == CONSISTENT


@pytest.mark.parametrize("dripping", ["body", "headers"])
def test_an_answer_that_drips_is_not_waited_for(server: Server, dripping: str) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"Content-Length: 9999\r\n\r\n" * (dripping == "body"))
        handler.close_connection = True
        try:
            for _ in range(100):
                handler.wfile.write(b"A")
                time.sleep(0.1)
        except OSError:
            return

    server.answers[tiles.CHECKPOINT] = drip
    began_s = time.monotonic()
    with pytest.raises(NoAnswer, match="in time"):
        Site(server.url, answer_s=0.5).note()
    assert time.monotonic() - began_s < 5  # it would drip for ten


def test_nobody_there(run: Run) -> None:
    assert run("http://127.0.0.1:9/log")[0] == UNDECIDED


@pytest.mark.parametrize(
    "url",
    ["", "log", "ftp://host/log", "file:///etc/passwd", "http://", "http://u:secret@host/log", "http://host/?a=1",
     "http://host/#a", "http://[", "http://host:99999/log", "http://host:port/log"],
)  # fmt: skip
def test_what_is_no_address(run: Run, url: str) -> None:
    code, said = run(url)
    assert code == UNDECIDED
    assert "no log's address" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "trust", ["", "xyz", "00", "0x" + "00" * 31, "/dev/null", "/", "/nonexistent/root.crt"]
)
def test_what_is_no_pin(server: Server, run: Run, trust: str) -> None:
    code, said = run(server.url, trust)
    assert code == UNDECIDED
    assert "--trust" in said
    assert server.asked == []


def test_a_pin_of_somebody_else(server: Server, run: Run, tmp_path: Path) -> None:
    code, said = run(server.url, Issuer(2).id.hex())
    assert (code, ISSUER.id.hex() in said) == (UNDECIDED, True)
    run()
    code, said = run(server.url, Issuer(2).id.hex())
    assert (code, "trusted" in said) == (UNDECIDED, True)


def test_a_pin_by_file(server: Server, run: Run, tmp_path: Path) -> None:
    (tmp_path / "issuer.json").write_bytes(STATEMENT)
    assert run(server.url, str(tmp_path / "issuer.json"))[0] == CONSISTENT
    (tmp_path / "deep.json").write_bytes(b'{"a":' * 100_000)
    assert run(server.url, str(tmp_path / "deep.json"))[0] == UNDECIDED


def test_a_revocation_is_not_taken_back(server: Server, run: Run) -> None:
    """Whoever stole a log key shows the statement from before the theft."""
    rotated = [
        statement.make_working_key(ISSUER.log_key, "checkpoint", valid_from_ms=0, revoked_ms=MADE_MS),
        statement.make_working_key(Issuer(5).log_key, "checkpoint", valid_from_ms=MADE_MS),
    ]
    document = statement.IssuerStatement(
        ISSUER.id, "Test issuer", ISSUER.statement.root_key, ISSUER.statement.origin, tuple(rotated), ()
    ).to_json()
    server.show(
        {
            **HONEST,
            tiles.ISSUER: stating(**document),
            tiles.CHECKPOINT: note(300, _root(HEAD), issuer=Issuer(5)),
        }
    )
    assert run()[0] == CONSISTENT
    server.show(files(600))
    code, said = run()
    assert (code, "not revoked in it" in said) == (UNDECIDED, True)


def _root(signed: bytes) -> bytes:
    return ISSUER.statement.open_note(signed.decode())[0].root


def test_progress_is_said_where_it_takes_long(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tell = cli._progress(every_s=0)
    tell(256, 10_000_000)
    quiet = cli._progress()
    quiet(256, 10_000_000)
    assert capsys.readouterr().err == "256 of 10,000,000 entries\n"


def test_stopped_by_hand(server: Server, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "look", stopped)
    code, said = run()
    assert (code, said) == (UNDECIDED, "Stopped. The next run goes on from here.")
