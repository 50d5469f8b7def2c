"""Deploy the contract, open the log and the claims in it: an *epoch* begins, and the issuer's root says so.

The nonce that identifies the epoch is kept before anything is deployed. The deployer's account and
that nonce give the contract's address, so a crash between deploying and recording is healed by
running this again: it finds the contract that carries the nonce and goes on.

After a wipe, or where final events are gone, an epoch follows another: the log opens at its last final head,
what became of invoices is restored from the events that were final, and only then are claims opened for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from invoice_service.domain.standing import Standing
from invoice_service.errors import N_, Error
from invoice_service.flow.relay import end_epoch
from invoice_service.ledger import statement
from invoice_service.ledger.keys import key_id, public_der, public_key_in
from invoice_service.ledger.tree import EMPTY_ROOT
from invoice_service.services import Services
from invoice_service.store import chain, deployment, log, statuses
from invoice_service.store.chain import Epoch

logger = structlog.get_logger()


class ChainIdentity(Protocol):
    @property
    def chain_id(self) -> int: ...
    @property
    def genesis_hash(self) -> bytes: ...


class OpenedIn(Protocol):
    @property
    def block_number(self) -> int: ...
    @property
    def tx_hash(self) -> bytes: ...


class Deployer(Protocol):
    """What beginning an epoch asks of the chain. A chain that does not answer is a ConnectionError."""

    def identity(self) -> ChainIdentity: ...
    def block_number(self) -> int: ...
    def holds(self, contract: bytes, epoch_nonce: bytes) -> bool:
        """Whether the contract with this nonce still stands at the address."""
        ...

    def deploy(self, epoch_nonce: bytes) -> bytes:
        """The 20-byte address of the contract with this nonce, deployed now or found."""
        ...

    def open_log(self, contract: bytes, log_id: bytes, size: int, root: bytes) -> None:
        """Open the log for our sequencer; one that is open already is left as it is."""
        ...

    def opened_in(self, contract: bytes, log_id: bytes, since: int) -> OpenedIn:
        """Where it was opened, at block `since` or later."""
        ...

    def register(self, contract: bytes, issuer_id: bytes, relayer_key: bytes) -> None:
        """Let the relayer's account restore statuses, then lock and credit invoices."""
        ...

    def restore(
        self, contract: bytes, issuer_id: bytes, relayer_key: bytes, earlier: Sequence[tuple[bytes, Standing]]
    ) -> None:
        """Take statuses over, by claim address; nothing once claims are open."""
        ...

    def open_claims(self, contract: bytes, issuer_id: bytes, relayer_key: bytes) -> None:
        """Let the issuer's invoices be claimed, for ever."""
        ...


def prepare_log(services: Services, root: ec.EllipticCurvePrivateKey | None) -> None:
    """Make the empty log, claim the database for this issuer, list its public keys and sign a first
    statement, so that invoices can be issued before there is a chain. Harmless again, without the root."""
    now, keyring = services.clock(), services.keyring
    with services.database.unit_of_work() as uow:
        log.open_log(uow.connection)
        deployment.claim(uow.connection, keyring.issuer_id)
        for use, der, certificate in (
            ("root", public_key_in(keyring.root_certificate.encode()), keyring.root_certificate),
            ("entry", public_der(keyring.entry), keyring.entry_certificate),
            ("checkpoint", public_der(keyring.checkpoint), None),
        ):
            deployment.put_key(
                uow.connection,
                {
                    "id": key_id(der),
                    "use": use,
                    "public_key": der,
                    "certificate": certificate,
                    "valid_from": now,
                },
            )
        if root is not None and deployment.statement(uow.connection) is None:
            deployment.put_statement(uow.connection, sign_statement(uow.connection, services, root))
        uow.commit()


def open_epoch(
    services: Services,
    deployer: Deployer,
    root: ec.EllipticCurvePrivateKey,
    *,
    in_place_of: int | None = None,
) -> Epoch:
    """The live epoch, begun if there is none, with its statement signed by the issuer's root key.

    `in_place_of` ends the epoch with that id, if it is live still. Raises AnotherChain, EpochLost.
    """
    epoch = _intended(services, deployer, in_place_of)
    found = _open(services, deployer, epoch) if epoch.opened_at is None else None
    with services.database.unit_of_work() as uow:
        if found is not None:
            chain.set_opened(uow.connection, epoch.id, {**found, "opened_at": services.clock()})
        signed = sign_statement(uow.connection, services, root)
        deployment.put_statement(uow.connection, signed)
        opened = chain.live_epoch(uow.connection)
        uow.commit()
    assert opened is not None  # noqa: S101 - it was live a statement ago, and nothing here ends an epoch
    return opened


def open_or_go_on(
    services: Services, deployer: Deployer, root: ec.EllipticCurvePrivateKey, *, anew: bool
) -> Epoch:
    """For the command line: `anew` ends the live epoch whatever it is. Raises AnotherChain, EpochLost."""
    with services.database.read() as connection:
        live = chain.live_epoch(connection)
    try:
        over = live.id if anew and live else None
        return open_epoch(services, deployer, root, in_place_of=over)
    except (AnotherChain, EpochLost):
        if live is None or not services.config.new_epoch_if_wiped:
            raise
        return open_epoch(services, deployer, root, in_place_of=live.id)


def is_beginning(services: Services) -> bool:
    """Whether an epoch was intended and is not open yet."""
    with services.database.read() as connection:
        live = chain.live_epoch(connection)
    return live is not None and live.opened_at is None


def _open(services: Services, deployer: Deployer, epoch: Epoch) -> dict[str, Any]:
    """What is to be recorded. Each step finds what was done before a crash, and does the rest."""
    issuer_id, relayer = services.keyring.issuer_id, services.keyring.relayer
    contract = deployer.deploy(epoch.nonce)
    deployer.open_log(contract, epoch.log_id, epoch.opened_size, epoch.opened_root)
    deployer.register(contract, issuer_id, relayer)
    restored = 0
    with services.database.read() as connection:
        since = statuses.read_up_to(connection, epoch.id).block
        for earlier in statuses.to_restore(connection):
            deployer.restore(contract, issuer_id, relayer, earlier)
            restored += len(earlier)
    deployer.open_claims(contract, issuer_id, relayer)
    opened = deployer.opened_in(contract, epoch.log_id, since)
    if epoch.opened_size or restored:
        logger.warning("a new epoch goes on", size=epoch.opened_size, statuses_restored=restored)
    return {"contract": contract, "opened_block": opened.block_number, "opened_tx": opened.tx_hash}


def sign_statement(
    connection: Connection, services: Services, root: ec.EllipticCurvePrivateKey
) -> dict[str, Any]:
    """The issuer statement over all that the database knows: working keys and opened epochs."""
    der = public_der(root)
    return statement.sign(
        statement.IssuerStatement(
            issuer_id=key_id(der),
            name=services.config.issuer_name,
            root_key=der,
            origin=services.config.log_origin,
            keys=tuple(
                statement.WorkingKey(
                    id=key["id"],
                    use=key["use"],
                    public_key=key["public_key"],
                    valid_from_ms=int(key["valid_from"].timestamp() * 1000),
                    revoked_ms=key["revoked_at"] and int(key["revoked_at"].timestamp() * 1000),
                )
                for key in deployment.working_keys(connection)
            ),
            epochs=tuple(map(_in_statement, chain.all_epochs(connection))),
        ),
        root,
    )


def _in_statement(epoch: Epoch) -> statement.Epoch:
    assert epoch.contract is not None  # noqa: S101 - opened epochs have one
    return statement.Epoch(
        nonce=epoch.nonce,
        chain_id=epoch.chain_id,
        genesis_hash=epoch.genesis_hash,
        contract=epoch.contract,
        log_id=epoch.log_id,
        operator=epoch.operator,
    )


class AnotherChain(Error):
    code = "epoch.another_chain"
    message = N_("This is not the chain that the log is anchored on (chain {chain_id}). Check CHAIN_RPC_URL.")
    status = 500


class EpochLost(Error):
    code = "epoch.lost"
    message = N_(
        "The contract is gone from this chain: it was wiped. To go on from the last final head, run "
        "`python -m invoice_service deploy --new-epoch`."
    )
    status = 500


def _intended(services: Services, deployer: Deployer, in_place_of: int | None) -> Epoch:
    """The live epoch, or a new one kept before it is acted upon. Raises AnotherChain, EpochLost."""
    identity, block = deployer.identity(), deployer.block_number()
    with services.database.read() as connection:
        seen = chain.live_epoch(connection)
    if seen is not None and seen.opened_at is not None and seen.id != in_place_of:
        _check_stands(deployer, identity, seen)
        return seen
    with services.database.unit_of_work() as uow:
        # Whoever waited for the lock finds that epoch ended; the second look finds what came in its place.
        before = chain.live_epoch(uow.connection, lock=True) or chain.live_epoch(uow.connection, lock=True)
        if before is not None and before.id != in_place_of and _is_of(before, identity):
            return before  # another process was quicker, or this one before it crashed
        size, head_root = _goes_on_from(uow.connection, before)
        if before is not None:
            chain.set_epoch(uow.connection, before.id, {"ended_at": services.clock()})
        chain.add_epoch(
            uow.connection,
            {
                "nonce": services.random(32),
                "chain_id": identity.chain_id,
                "genesis_hash": identity.genesis_hash,
                "log_id": services.keyring.log_id,
                "operator": services.config.chain_operator,
                "opened_size": size,
                "opened_root": head_root,
                "read_block": block,
                "created_at": services.clock(),
            },
        )
        new = chain.live_epoch(uow.connection)
        assert new is not None  # noqa: S101 - it was added a statement ago
        if before is not None:
            end_epoch(services, uow.connection, before, new)
        uow.commit()
    return new


def _is_of(epoch: Epoch, identity: ChainIdentity) -> bool:
    return (epoch.chain_id, epoch.genesis_hash) == (identity.chain_id, identity.genesis_hash)


def _check_stands(deployer: Deployer, identity: ChainIdentity, epoch: Epoch) -> None:
    """Raises AnotherChain, EpochLost: nothing is deployed anew because an address was mistyped."""
    if not _is_of(epoch, identity):
        raise AnotherChain(chain_id=epoch.chain_id)
    if epoch.contract is None or not deployer.holds(epoch.contract, epoch.nonce):
        raise EpochLost


def _goes_on_from(connection: Connection, before: Epoch | None) -> tuple[int, bytes]:
    """The head that a new epoch opens with: the last final one, of whichever epoch."""
    return (0, EMPTY_ROOT) if before is None else chain.final_head(connection, before)
