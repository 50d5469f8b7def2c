"""A follower's mirror is the log; a fork is shouted at and kept; a crash at any write loses nothing."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from invoice_service.follow import mirror as mirroring
from invoice_service.follow.follower import CONSISTENT, FORKED, UNDECIDED, Follower, Outcome
from invoice_service.follow.mirror import Mirror
from invoice_service.follow.site import Site
from invoice_service.ledger import checkpoint, proof, tiles
from invoice_service.ledger.keys import public_der
from tests.unit.follow.logs import ISSUER, Server, files, served
from tests.unit.ledger.evidence_files import ORIGIN


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as running:
        yield running


def follower(server: Server, into: Path, progress: Callable[[int, int], None] | None = None) -> Follower:
    return Follower(Site(server.url), Mirror(into), ISSUER.id, progress or (lambda *_: None))


def look(server: Server, into: Path) -> Outcome:
    said: list[Outcome] = []
    code = follower(server, into).follow(said.append)
    assert [outcome.code for outcome in said] == [code]
    assert "\n" not in said[0].said
    return said[0]


def kept(folder: Path) -> dict[str, bytes]:
    """What a web server would serve of it."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_mirror_has_exactly_the_files_of_the_log_as_it_grows(server: Server, tmp_path: Path) -> None:
    for size in (0, 1, 5, 255, 256, 257, 700, 66_000):
        server.show(files(size))
        outcome = look(server, tmp_path)
        assert outcome.code == CONSISTENT, outcome
        assert f"{size} entries" in outcome.said
        assert files(size).items() <= kept(tmp_path).items()
    expected = set(files(66_000))
    assert set(kept(tmp_path)) == expected  # outgrown partial tiles are gone
    server.asked.clear()
    assert "as before" in look(server, tmp_path).said
    assert server.asked == ["issuer.json", "checkpoint"]


def test_a_first_mirror_asks_for_each_file_once_in_little_memory(server: Server, tmp_path: Path) -> None:
    server.show(files(66_000))
    counted: list[tuple[int, int]] = []
    following = follower(server, tmp_path, lambda *so_far: counted.append(so_far))
    tracemalloc.start()
    code = following.follow(lambda _: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == CONSISTENT
    assert sorted(server.asked) == sorted(files(66_000))
    assert counted == [(n * 256, 66_000) for n in range(258)]
    assert peak < 3_000_000, peak


def test_a_mirror_is_itself_a_log_to_follow(server: Server, tmp_path: Path) -> None:
    """Also for one who comes late, when of a partial file only the full one that followed is there."""
    server.show(files(600))
    assert look(server, tmp_path / "one").code == CONSISTENT
    server.show(kept(tmp_path / "one"))
    assert look(server, tmp_path / "two").code == CONSISTENT
    assert kept(tmp_path / "two") == files(600)
    before = {name: files(600)[name] for name in (tiles.CHECKPOINT, "tile/1/000.p/2")}
    server.show({**files(1024), **before})
    assert look(server, tmp_path / "three").code == CONSISTENT
    assert kept(tmp_path / "three") == files(600)


def test_an_older_head_is_no_fork_and_changes_nothing(server: Server, tmp_path: Path) -> None:
    server.show(files(600))
    look(server, tmp_path)
    for size in (599, 512, 256, 1, 0):
        server.show(files(size))
        outcome = look(server, tmp_path)
        assert outcome.code == CONSISTENT
        assert f"{600 - size} fewer than are kept" in outcome.said
        assert kept(tmp_path) == files(600)


@pytest.mark.parametrize(
    ("had", "shown", "forked_at"),
    [(600, 600, 599), (600, 600, 0), (600, 700, 599), (600, 66_000, 3), (600, 599, 598), (600, 256, 0),
     (256, 512, 255), (256, 257, 0), (1, 2, 0), (2, 1, 0)],
)  # fmt: skip
def test_a_fork_is_shouted_at_and_proven(
    server: Server, tmp_path: Path, had: int, shown: int, forked_at: int
) -> None:
    server.show(files(had))
    look(server, tmp_path)
    server.show(files(shown, forked_at))
    outcome = look(server, tmp_path)
    assert outcome.code == FORKED
    assert "FORKED" in outcome.said
    (folder,) = (tmp_path / "forks").iterdir()
    assert str(folder) in outcome.said
    assert (folder / "kept").read_bytes() == files(had)[tiles.CHECKPOINT]
    assert (folder / "seen").read_bytes() == files(shown, forked_at)[tiles.CHECKPOINT]
    assert convinces(folder)
    assert files(had).items() <= kept(tmp_path).items()

    server.show({})
    again = look(server, tmp_path)  # loud also where the log now says nothing, or something pleasant
    assert (again.code, str(folder) in again.said) == (FORKED, True)
    server.show(files(had))
    assert look(server, tmp_path).code == FORKED
    assert len(list((tmp_path / "forks").iterdir())) == 1


def convinces(folder: Path) -> bool:
    """Whether a third person, with the issuer's key and this folder alone, must believe in the fork."""
    notes = [(folder / name).read_text() for name in ("kept", "seen")]
    heads = [
        checkpoint.open_note(each, origin=ORIGIN, public_key_der=public_der(ISSUER.log_key)) for each in notes
    ]
    smaller, larger = sorted(heads, key=lambda head: head.size)
    told = json.loads((folder / "proof.json").read_text())
    path, old_root = [bytes.fromhex(step) for step in told["path"]], bytes.fromhex(told["old_root"])
    if smaller.size == larger.size:
        return smaller.root != larger.root
    assert (told["old_size"], told["new_size"]) == (smaller.size, larger.size)
    return smaller.root != old_root and proof.is_consistent(
        smaller.size, larger.size, path, old_root, larger.root
    )


class PowerCut(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


@pytest.mark.parametrize(("had", "size"), [(0, 600), (200, 700), (300, 1_100)])
def test_a_crash_at_any_write_leaves_a_mirror_that_goes_on(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, had: int, size: int
) -> None:
    write = mirroring._write
    for survived in range(len(files(size))):
        folder, left = tmp_path / str(survived), survived
        server.show(files(had))
        look(server, folder)

        def cut(path: Path, data: bytes) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                path.with_name(f".{path.name}.new").write_bytes(data[: len(data) // 2])
                raise PowerCut
            write(path, data)

        server.show(files(size))
        with monkeypatch.context() as patched:
            patched.setattr(mirroring, "_write", cut)
            try:
                look(server, folder)
            except PowerCut:
                assert files(had).items() <= kept(folder).items()
        assert look(server, folder).code == CONSISTENT
        assert files(size).items() <= kept(folder).items()


def test_what_was_fetched_before_a_crash_is_not_fetched_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.show(files(66_000))
    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "keep_head", lambda *_: (_ for _ in ()).throw(PowerCut))
        with pytest.raises(PowerCut):
            look(server, tmp_path)
    assert Mirror(tmp_path).note() is None
    server.asked.clear()
    assert look(server, tmp_path).code == CONSISTENT
    assert server.asked == ["issuer.json", "checkpoint"]


@pytest.mark.parametrize(("damaged", "shown"), [("tile/0/002.p/88", 700), ("tile/0/000", 100)])
def test_a_damaged_mirror_says_so_and_accuses_nobody(
    server: Server, tmp_path: Path, damaged: str, shown: int
) -> None:
    server.show(files(600))
    look(server, tmp_path)
    (tmp_path / damaged).write_bytes(bytes((tmp_path / damaged).stat().st_size))
    server.show(files(shown))
    outcome = look(server, tmp_path)
    assert outcome.code == UNDECIDED
    assert "damaged" in outcome.said


@pytest.mark.parametrize("lost", ["issuer.json", "tile/0/002.p/88"])
def test_a_mirror_that_lost_a_file_does_not_begin_anew_over_what_it_knew(
    server: Server, tmp_path: Path, lost: str
) -> None:
    server.show(files(600))
    look(server, tmp_path)
    (tmp_path / lost).unlink()
    server.show(files(700, 3))
    assert look(server, tmp_path).code == UNDECIDED
    assert (tmp_path / "checkpoint").read_bytes() == files(600)[tiles.CHECKPOINT]


def test_one_folder_has_one_follower(server: Server, tmp_path: Path) -> None:
    server.show(files(5))
    with Mirror(tmp_path).locked():
        outcome = look(server, tmp_path)
        assert outcome.code == UNDECIDED
        assert "another follower" in outcome.said
        assert server.asked == []
    assert look(server, tmp_path).code == CONSISTENT


def test_again_and_again_until_there_is_a_fork(server: Server, tmp_path: Path) -> None:
    shown = [files(5), files(5), files(5), {}, files(9), files(9, 7), files(9)]
    said: list[Outcome] = []

    def wait() -> None:
        server.show(shown.pop(0))

    wait()
    assert follower(server, tmp_path).follow(said.append, wait) == FORKED
    assert [outcome.code for outcome in said] == [CONSISTENT, CONSISTENT, UNDECIDED, CONSISTENT, FORKED]
    assert len(shown) == 1


def test_a_disk_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    server.show(files(5))
    (tmp_path / "file").write_text("in the way")
    assert look(server, tmp_path / "file").code == UNDECIDED
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "tile").write_text("in the way")
    outcome = look(server, tmp_path / "log")
    assert outcome.code == UNDECIDED
    assert "tile" in outcome.said
