"""One look at another deployment's log: fetch its head, check it against what was kept, keep what is new.

1. The issuer statement is signed by the root that is trusted.
2. A log key of that statement, not revoked, signed the head under the log's origin.
3. The larger of this head and the kept one begins with the smaller. If not: a fork, kept with its proof.
4. Every new tile hangs by its hash on the head, and every entry hashes to its place in a tile.

Only then is the head kept. What anybody answers decides nothing that it does not prove.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from invoice_service.follow.mirror import Busy, Mirror
from invoice_service.follow.site import NoAnswer, Site
from invoice_service.ledger import canonical, statement, tiles, tree
from invoice_service.ledger.checkpoint import BadCheckpoint, Checkpoint
from invoice_service.ledger.growth import Contradiction, Fork, SignedTree, fork_between, new_tiles
from invoice_service.ledger.statement import IssuerStatement

CONSISTENT, FORKED, UNDECIDED = 0, 1, 2
_MAX_DEPTH = 12  # of an issuer statement; ours nest to five levels

Progress = Callable[[int, int], None]
"""(entries kept so far, entries of the log), for whoever watches."""


class Undecided(Exception):
    """It could not be found out whether the log is consistent; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code`: CONSISTENT, FORKED (or a log that contradicts itself), UNDECIDED. `said`: a plain sentence."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class _Log:
    """What was answered or kept under the pin: the bytes, and what they say."""

    signed: bytes
    issuer: IssuerStatement
    note: bytes
    head: Checkpoint


class Follower:
    """`trusted` is the id of the issuer whose log it must be, 32 bytes."""

    def __init__(self, site: Site, mirror: Mirror, trusted: bytes, progress: Progress) -> None:
        self._site, self._mirror = site, mirror
        self._trusted = trusted
        self._progress = progress

    def follow(self, say: Callable[[Outcome], None], wait: Callable[[], None] | None = None) -> int:
        """Look once, or again after each `wait`, until there is a fork. Answers the last code.

        What is the same as before is not said again.
        """
        said: Outcome | None = None
        try:
            with self._mirror.locked():
                while True:
                    outcome = self.look()
                    if outcome != said:
                        say(outcome)
                    said = outcome
                    if wait is None or outcome.code == FORKED:
                        return outcome.code
                    wait()
        except Busy:
            say(Outcome(UNDECIDED, f"Undecided: another follower keeps {self._mirror.folder}."))
        except OSError as error:
            say(_disk_failed(error))
        return UNDECIDED

    def look(self) -> Outcome:
        """Once, from any state that an earlier look was stopped in."""
        try:
            return self._earlier_fork() or self._look()
        except Contradiction as error:
            return Outcome(
                FORKED, f"THE LOG CONTRADICTS ITSELF: {error}. The mirror stays at what was proven."
            )
        except (Undecided, NoAnswer) as error:
            return Outcome(UNDECIDED, f"Undecided: {error}.")
        except OSError as error:
            return _disk_failed(error)

    def _earlier_fork(self) -> Outcome | None:
        """Once seen, a fork is said again until somebody has taken its proof away."""
        found = self._mirror.forks()
        return Outcome(FORKED, f"THE LOG HAS FORKED, as was seen before: see {found[0]}.") if found else None

    def _look(self) -> Outcome:
        kept = self._kept()
        seen = self._seen(kept)
        if kept is None:
            self._grow(0, seen, self._their_tree(seen))
            return Outcome(CONSISTENT, f"Consistent: {_counted(seen)}, mirrored from the first.")
        fork = self._fork_in_ours(kept, min(seen.head, kept.head, key=lambda head: head.size))
        if fork is not None:
            return self._shout(fork, kept, seen)
        if seen.head.size > kept.head.size:
            return self._look_at_growth(kept, seen)
        if seen.head.size < kept.head.size:
            fewer = f"{kept.head.size - seen.head.size} fewer than are kept"
            return Outcome(CONSISTENT, f"Consistent: an older head was answered, {_counted(seen)}, {fewer}.")
        # The statement may be newer than the kept one, and a witness may have signed the note since.
        self._mirror.keep_head(seen.signed, seen.note)
        return Outcome(CONSISTENT, f"Consistent: {_counted(seen)}, as before.")

    def _look_at_growth(self, kept: _Log, seen: _Log) -> Outcome:
        theirs = self._their_tree(seen)
        fork = fork_between(kept.head, theirs)
        if fork is not None:
            return self._shout(fork, kept, seen)
        self._grow(kept.head.size, seen, theirs)
        news = seen.head.size - kept.head.size
        return Outcome(CONSISTENT, f"Consistent: {_counted(seen)}, {news} of them new.")

    def _shout(self, fork: Fork, kept: _Log, seen: _Log) -> Outcome:
        folder = self._mirror.keep_fork(fork, kept.note, seen.note, seen.signed)
        return Outcome(
            FORKED,
            f"THE LOG HAS FORKED: its issuer signed two heads, of {kept.head.size} and {seen.head.size} "
            f"entries, that do not belong to one log. Both signed notes are kept in {folder}.",
        )

    def _kept(self) -> _Log | None:
        """Raises Undecided where the folder holds another issuer's log, or what is no log's."""
        note = self._mirror.note()
        if note is None:
            return None
        signed = self._mirror.statement() or b""  # it was there before the note was: who took it away?
        try:
            issuer = self._issuer(signed)
            head, _key = issuer.open_note(note.decode())
        except (Undecided, ValueError) as error:
            raise Undecided(f"{self._mirror.folder} holds no log of the issuer that is trusted") from error
        return _Log(signed, issuer, note, head)

    def _seen(self, kept: _Log | None) -> _Log:
        """Raises Undecided, NoAnswer."""
        signed = self._site.statement()
        issuer = self._issuer(signed)
        if kept is not None and issuer.origin != kept.issuer.origin:
            raise Undecided("it is another log of this issuer")
        if kept is not None and _forgets_revocations(kept.issuer, issuer):
            raise Undecided("its issuer statement is older than the kept one: a key is not revoked in it")
        note = self._site.note()
        try:
            head, key = issuer.open_note(note.decode())
        except (BadCheckpoint, UnicodeDecodeError) as error:
            raise Undecided("its head is not signed by the log's key, under the log's name") from error
        if key.revoked_ms is not None:
            raise Undecided("its head is signed with a key that the issuer has revoked")
        if head.size > tiles.MAX_SIZE:
            raise Undecided("its head names more entries than a log can have")
        return _Log(signed, issuer, note, head)

    def _issuer(self, signed: bytes) -> IssuerStatement:
        try:
            if canonical.depth(signed) > _MAX_DEPTH:
                raise ValueError("nested too deep")
            issuer = statement.open_signed(json.loads(signed))
        except ValueError as error:
            raise Undecided("its issuer statement does not hold") from error
        if issuer.issuer_id != self._trusted:
            raise Undecided(f"it is the log of another issuer, {issuer.issuer_id.hex()}")
        return issuer

    def _fork_in_ours(self, kept: _Log, smaller: Checkpoint) -> Fork | None:
        """Whether the kept log began otherwise. Raises Undecided where its files are not what they were."""
        try:
            return fork_between(smaller, SignedTree(kept.head, [self._mirror.tile]))
        except Contradiction as error:
            damage = "is damaged: its tiles do not make its checkpoint"
            raise Undecided(f"{self._mirror.folder} {damage}; move it away and begin anew") from error

    def _their_tree(self, seen: _Log) -> SignedTree:
        return SignedTree(seen.head, [self._mirror.tile, self._site.tile])

    def _grow(self, old_size: int, seen: _Log, theirs: SignedTree) -> None:
        """Keep what is new, highest tiles first, each as soon as it is known to hang on the head."""
        for level, indexes in new_tiles(old_size, seen.head.size):
            for index in indexes:
                hashes = theirs.read(level, index)
                if level == 0:
                    self._mirror.keep_bundle(index, self._bundle(index, hashes))
                    self._progress(index * tree.TILE_WIDTH, seen.head.size)
                self._mirror.keep_tile(level, index, hashes)
        self._mirror.keep_head(seen.signed, seen.note)

    def _bundle(self, index: int, hashes: bytes) -> bytes:
        """The entries below a tile of level 0, kept or fetched. Raises Contradiction."""
        width = len(hashes) // tree.HASH_BYTES
        for source in (self._mirror.bundle, self._site.bundle):
            data = source(index, width)
            if data is not None and _hashes_to(data, width, hashes):
                return data
        raise Contradiction(f"{tiles.bundle_path(index, width)} does not hash to its tile")


def _disk_failed(error: OSError) -> Outcome:
    return Outcome(UNDECIDED, f"Undecided: {error.filename}: {error.strerror or 'the disk fails'}.")


def _hashes_to(data: bytes, width: int, hashes: bytes) -> bool:
    try:
        return b"".join(map(tree.leaf_hash, tiles.entries_in(data, width))) == hashes
    except tiles.BadBundle:
        return False


def _forgets_revocations(kept: IssuerStatement, seen: IssuerStatement) -> bool:
    """A thief shows the statement from before the theft: a key once revoked stays so."""
    revoked = {key.id for key in kept.keys if key.revoked_ms is not None}
    return any(key.id in revoked and key.revoked_ms is None for key in seen.keys)


def _counted(log: _Log) -> str:
    return f"{log.head.size} entries under a signed head"
