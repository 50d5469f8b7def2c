"""Deploy the contract, open the log and the claims in it: an *epoch* begins, and the issuer's root says so.

The nonce that identifies the epoch is kept before anything is deployed. The deployer's account and
that nonce give the contract's address, so a crash between deploying and recording is healed by
running this again: it finds the contract that carries the nonce and goes on.
"""

from __future__ import annotations

from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from invoice_service.errors import N_, Error
from invoice_service.ledger import statement
from invoice_service.ledger.keys import key_id, public_der, public_key_in
from invoice_service.ledger.tree import EMPTY_ROOT
from invoice_service.services import Services
from invoice_service.store import chain, deployment, log
from invoice_service.store.chain import Epoch


class ChainIdentity(Protocol):
    @property
    def chain_id(self) -> int: ...
    @property
    def genesis_hash(self) -> bytes: ...


class Deployer(Protocol):
    """What beginning an epoch asks of the chain. A chain that does not answer is a ConnectionError."""

    def identity(self) -> ChainIdentity: ...
    def deploy(self, epoch_nonce: bytes) -> bytes:
        """The 20-byte address of the contract with this nonce, deployed now or found."""
        ...

    def open_log(self, contract: bytes, log_id: bytes, size: int, root: bytes) -> None:
        """Open the log for our sequencer; one that is open already is left as it is."""
        ...

    def open_claims(self, contract: bytes, issuer_id: bytes, relayer_key: bytes) -> None:
        """Let the issuer's invoices be claimed, and the relayer's account lock and credit them."""
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


def open_epoch(services: Services, deployer: Deployer, root: ec.EllipticCurvePrivateKey) -> Epoch:
    """The live epoch, begun if there is none, with its statement signed by the issuer's root key."""
    epoch = _intended(services, deployer)
    if epoch.opened_at is None:
        contract = deployer.deploy(epoch.nonce)
        deployer.open_log(contract, epoch.log_id, 0, EMPTY_ROOT)
        deployer.open_claims(contract, services.keyring.issuer_id, services.keyring.relayer)
        _record_opened(services, epoch, contract)
    with services.database.unit_of_work() as uow:
        signed = sign_statement(uow.connection, services, root)
        deployment.put_statement(uow.connection, signed)
        opened = chain.live_epoch(uow.connection)
        uow.commit()
    assert opened is not None  # noqa: S101 - it was live a statement ago, and nothing here ends an epoch
    return opened


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


def _intended(services: Services, deployer: Deployer) -> Epoch:
    """The live epoch, or a new one kept before it is acted upon. Raises AnotherChain."""
    identity = deployer.identity()
    with services.database.unit_of_work() as uow:
        epoch = chain.live_epoch(uow.connection)
        if epoch is not None:
            if (epoch.chain_id, epoch.genesis_hash) == (identity.chain_id, identity.genesis_hash):
                return epoch
            if epoch.opened_at is not None:
                raise AnotherChain(chain_id=epoch.chain_id)
            # Nothing was ever anchored in it: the intention was for a chain that is gone.
            chain.set_epoch(uow.connection, epoch.id, {"ended_at": services.clock()})
        chain.add_epoch(
            uow.connection,
            {
                "nonce": services.random(32),
                "chain_id": identity.chain_id,
                "genesis_hash": identity.genesis_hash,
                "log_id": services.keyring.log_id,
                "operator": services.config.chain_operator,
                "opened_size": 0,
                "created_at": services.clock(),
            },
        )
        uow.commit()
    return _intended(services, deployer)


def _record_opened(services: Services, epoch: Epoch, contract: bytes) -> None:
    with services.database.unit_of_work() as uow:
        chain.set_epoch(uow.connection, epoch.id, {"contract": contract, "opened_at": services.clock()})
        uow.commit()
