// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Epoch} from "./Epoch.sol";

/// @title What became of an invoice: claimed for reimbursement, locked for a refund, credited
/// @notice An invoice is known here by its *claim address*, the address of a key that was made for it alone and is in no
/// document. Only whoever was given that key can claim the invoice, for a company that signs too; so nothing public
/// lets a stranger claim, and an invoice is claimed by one company at a time.
/// @dev Signatures are EIP-712, with `epochNonce` as the domain's salt: none is good in another epoch, where chain id and
/// address may be the same. Compact signatures (ERC-2098) keep a claim's call data to two words.
abstract contract Statuses is Epoch {
    /// @notice FREE: anybody with the claim key may claim. CLAIMED: by one company. LOCKED: a refund is under way; nobody
    /// can claim, for at most `LOCK_LASTS`. CREDITED: wholly, for ever.
    enum State {
        FREE,
        CLAIMED,
        LOCKED,
        CREDITED
    }

    /// @notice What is known of one invoice; kept in one storage slot.
    /// @param state As it was written; a lock that has lapsed still reads LOCKED here (see `statusOf`).
    /// @param notes How many credit notes were taken off the invoice.
    /// @param time Unix seconds of the block that wrote `state` (for a lock: that began it); 0 if none did.
    /// @param claimant The company's account where CLAIMED, or where CREDITED with its consent; else zero.
    struct Status {
        State state;
        uint16 notes;
        uint40 time;
        address claimant;
    }

    /// @notice A compact signature (ERC-2098).
    /// @param r Its first half.
    /// @param vs Its second half, with the recovery bit in the highest bit.
    struct Signature {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A status of an earlier epoch, to be taken over.
    /// @param claimAddress The invoice.
    /// @param status Its status there.
    struct Restored {
        address claimAddress;
        Status status;
    }

    /// @notice How an issuer's invoices are here: not at all, being restored from an earlier epoch, or in use.
    enum Register {
        UNKNOWN,
        RESTORING,
        OPEN
    }

    /// @notice How long a lock holds off claims; a refund takes seconds, and its consent or an outage at most this.
    uint256 public constant LOCK_LASTS = 72 hours;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant HANDOVER_TYPE =
        keccak256("Handover(bytes32 issuerId,address claimant,uint256 nonce,uint256 deadline)");
    bytes32 private constant CLAIM_TYPE =
        keccak256("Claim(bytes32 issuerId,address[] claimAddresses,uint256 nonce,uint256 deadline)");
    bytes32 private constant RELEASE_TYPE =
        keccak256("Release(bytes32 issuerId,address[] claimAddresses,uint256 nonce,uint256 deadline)");
    bytes32 private constant CONSENT_TYPE = keccak256(
        "Consent(bytes32 issuerId,address claimAddress,bytes32 note,bool whole,uint256 notes,uint256 deadline)"
    );

    /// @notice The nonce that a company's next claim or release must bear.
    mapping(address claimant => uint256 nonce) public nonces;

    /// @notice How far an issuer's register is.
    mapping(bytes32 issuerId => Register register) public registers;

    /// @dev Each a Status in one word (see `_packed`): written by its members, a slot would be loaded and stored for each.
    mapping(bytes32 issuerId => mapping(address claimAddress => uint256 slot)) private _slots;

    /// @notice An issuer was registered; its statuses can be restored, and then its claims opened.
    /// @param issuerId The issuer.
    /// @param account Who may restore, open, lock and credit.
    event IssuerRegistered(bytes32 indexed issuerId, address indexed account);

    /// @notice A status was taken over from an earlier epoch.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param state Its state.
    /// @param notes How many credit notes it has.
    /// @param time Unix seconds since when it was in that state.
    /// @param claimant Who had claimed it; zero for none.
    event StatusRestored(
        bytes32 indexed issuerId,
        address indexed claimAddress,
        State state,
        uint16 notes,
        uint40 time,
        address claimant
    );

    /// @notice From now on the issuer's invoices can be claimed, and nothing can be restored any more.
    /// @param issuerId The issuer.
    event ClaimsOpened(bytes32 indexed issuerId);

    /// @notice An invoice was claimed.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param claimant The company's account.
    event Claimed(bytes32 indexed issuerId, address indexed claimAddress, address indexed claimant);

    /// @notice An invoice in a list was not free, and was passed over.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param claimant Who wanted it.
    event ClaimSkipped(bytes32 indexed issuerId, address indexed claimAddress, address indexed claimant);

    /// @notice A company gave a claim up.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param claimant The company's account.
    event Released(bytes32 indexed issuerId, address indexed claimAddress, address indexed claimant);

    /// @notice An invoice was locked for a refund.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    event Locked(bytes32 indexed issuerId, address indexed claimAddress);

    /// @notice A refund did not come about; the invoice can be claimed again.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    event Unlocked(bytes32 indexed issuerId, address indexed claimAddress);

    /// @notice A credit note was taken off an invoice.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param note Body commitment of the credit note.
    /// @param whole Whether nothing of the invoice is left.
    /// @param notes How many there are now.
    event Credited(
        bytes32 indexed issuerId, address indexed claimAddress, bytes32 indexed note, bool whole, uint16 notes
    );

    /// @notice The issuer was registered before.
    /// @param issuerId The issuer.
    error IssuerAlreadyRegistered(bytes32 issuerId);

    /// @notice The issuer's register is not as far as the call needs, or further.
    /// @param issuerId The issuer.
    /// @param register How far it is.
    error WrongRegister(bytes32 issuerId, Register register);

    /// @notice A status that no invoice can have was to be restored.
    /// @param claimAddress The invoice.
    error ImpossibleStatus(address claimAddress);

    /// @notice The signatures were to be used until an instant that has passed.
    /// @param deadline Unix seconds.
    error Expired(uint256 deadline);

    /// @notice Not the company's next nonce: the call was sent before, or another came first.
    /// @param claimant The company's account.
    /// @param expected Its next nonce.
    error WrongNonce(address claimant, uint256 expected);

    /// @notice The company did not sign this.
    /// @param claimant The company's account.
    error NotSignedBy(address claimant);

    /// @notice The invoice is in another state than the call needs.
    /// @param claimAddress The invoice.
    /// @param state The state that it is in now.
    error WrongState(address claimAddress, State state);

    /// @notice Register an issuer, once. Its claims stay closed until `openClaims`.
    /// @dev Only the admin, so that a stranger cannot take an issuer's name first. The account can be replaced by the
    /// admin (see `issuerRole`).
    /// @param issuerId The issuer.
    /// @param account Who may restore, open, lock and credit.
    function registerIssuer(bytes32 issuerId, address account) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (account == address(0)) revert ZeroAddress();
        if (registers[issuerId] != Register.UNKNOWN) revert IssuerAlreadyRegistered(issuerId);
        registers[issuerId] = Register.RESTORING;
        _grantRole(issuerRole(issuerId), account);
        emit IssuerRegistered(issuerId, account);
    }

    /// @notice Take statuses over from an earlier epoch, before claims are opened. Again is harmless.
    /// @dev Anyone can compare the events with the log and with the earlier epoch.
    /// @param issuerId The issuer.
    /// @param earlier The invoices with their statuses.
    function restore(bytes32 issuerId, Restored[] calldata earlier) external onlyRole(issuerRole(issuerId)) {
        _requireRegister(issuerId, Register.RESTORING);
        for (uint256 i = 0; i < earlier.length; ++i) {
            address claimAddress = earlier[i].claimAddress;
            Status calldata status = earlier[i].status;
            if (!_isPossible(status)) revert ImpossibleStatus(claimAddress);
            _slots[issuerId][claimAddress] = _packed(status.state, status.notes, status.time, status.claimant);
            emit StatusRestored(
                issuerId, claimAddress, status.state, status.notes, status.time, status.claimant
            );
        }
    }

    /// @notice Open an issuer's claims, for ever.
    /// @param issuerId The issuer.
    function openClaims(bytes32 issuerId) external onlyRole(issuerRole(issuerId)) {
        _requireRegister(issuerId, Register.RESTORING);
        registers[issuerId] = Register.OPEN;
        emit ClaimsOpened(issuerId);
    }

    /// @notice Claim a list of invoices for a company. Those that are not free are passed over and reported.
    /// @dev Anyone may send it: the signatures say who claims what. Each claim key signs the same Handover, and its address
    /// is what the signature recovers to; the company signs the list of those addresses.
    /// @param issuerId The issuer.
    /// @param claimant The company's account.
    /// @param nonce Its next nonce.
    /// @param deadline Unix seconds until when this may be sent.
    /// @param handovers For each invoice the claim key's signature of Handover(issuerId, claimant, nonce, deadline).
    /// @param signature The company's of Claim(issuerId, the claim addresses, nonce, deadline).
    /// @return taken How many were claimed.
    function claim(
        bytes32 issuerId,
        address claimant,
        uint256 nonce,
        uint256 deadline,
        Signature[] calldata handovers,
        Signature calldata signature
    ) external returns (uint256 taken) {
        _requireRegister(issuerId, Register.OPEN);
        bytes32 digest = _digest(keccak256(abi.encode(HANDOVER_TYPE, issuerId, claimant, nonce, deadline)));
        mapping(address => uint256) storage slots = _slots[issuerId];
        address[] memory claimAddresses = new address[](handovers.length);
        for (uint256 i = 0; i < handovers.length; ++i) {
            address claimAddress = ECDSA.recover(digest, handovers[i].r, handovers[i].vs);
            claimAddresses[i] = claimAddress;
            uint256 slot = slots[claimAddress];
            if (_stateNow(slot) == State.FREE) {
                slots[claimAddress] = _changed(slot, State.CLAIMED, claimant);
                ++taken;
                emit Claimed(issuerId, claimAddress, claimant);
            } else {
                emit ClaimSkipped(issuerId, claimAddress, claimant);
            }
        }
        _useList(CLAIM_TYPE, issuerId, claimant, nonce, deadline, claimAddresses, signature);
    }

    /// @notice Give claims up. Those that the company does not hold are passed over.
    /// @param issuerId The issuer.
    /// @param claimant The company's account.
    /// @param nonce Its next nonce.
    /// @param deadline Unix seconds until when this may be sent.
    /// @param claimAddresses The invoices.
    /// @param signature The company's of Release(issuerId, claimAddresses, nonce, deadline).
    /// @return released How many were given up.
    function release(
        bytes32 issuerId,
        address claimant,
        uint256 nonce,
        uint256 deadline,
        address[] calldata claimAddresses,
        Signature calldata signature
    ) external returns (uint256 released) {
        _requireRegister(issuerId, Register.OPEN);
        _useList(RELEASE_TYPE, issuerId, claimant, nonce, deadline, claimAddresses, signature);
        mapping(address => uint256) storage slots = _slots[issuerId];
        for (uint256 i = 0; i < claimAddresses.length; ++i) {
            address claimAddress = claimAddresses[i];
            uint256 slot = slots[claimAddress];
            if (_stateNow(slot) == State.CLAIMED && _claimant(slot) == claimant) {
                slots[claimAddress] = _changed(slot, State.FREE, address(0));
                ++released;
                emit Released(issuerId, claimAddress, claimant);
            }
        }
    }

    /// @notice Lock a free invoice for a refund, for at most `LOCK_LASTS`.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    function lock(bytes32 issuerId, address claimAddress) external onlyRole(issuerRole(issuerId)) {
        uint256 slot = _require(issuerId, claimAddress, State.FREE);
        _slots[issuerId][claimAddress] = _changed(slot, State.LOCKED, address(0));
        emit Locked(issuerId, claimAddress);
    }

    /// @notice Undo a lock: the refund did not come about.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    function unlock(bytes32 issuerId, address claimAddress) external onlyRole(issuerRole(issuerId)) {
        uint256 slot = _require(issuerId, claimAddress, State.LOCKED);
        _slots[issuerId][claimAddress] = _changed(slot, State.FREE, address(0));
        emit Unlocked(issuerId, claimAddress);
    }

    /// @notice Take a credit note off a locked invoice. What is left of it is free again.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param note Body commitment of the credit note.
    /// @param whole Whether nothing of the invoice is left.
    function credit(bytes32 issuerId, address claimAddress, bytes32 note, bool whole)
        external
        onlyRole(issuerRole(issuerId))
    {
        uint256 slot = _require(issuerId, claimAddress, State.LOCKED);
        _credit(issuerId, claimAddress, slot, note, whole ? State.CREDITED : State.FREE, address(0));
    }

    /// @notice Take a credit note off a claimed invoice, with the company's consent. What is left of it stays claimed.
    /// @dev The consent names how many notes there were before, so that it is good once.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @param note Body commitment of the credit note.
    /// @param whole Whether nothing of the invoice is left.
    /// @param deadline Unix seconds until when this may be sent.
    /// @param consent The company's signature of Consent(issuerId, claimAddress, note, whole, notes, deadline).
    function creditClaimed(
        bytes32 issuerId,
        address claimAddress,
        bytes32 note,
        bool whole,
        uint256 deadline,
        Signature calldata consent
    ) external onlyRole(issuerRole(issuerId)) {
        uint256 slot = _require(issuerId, claimAddress, State.CLAIMED);
        address claimant = _claimant(slot);
        if (block.timestamp > deadline) revert Expired(deadline);
        bytes32 digest = _digest(
            keccak256(abi.encode(CONSENT_TYPE, issuerId, claimAddress, note, whole, uint256(_notes(slot)), deadline))
        );
        if (ECDSA.recover(digest, consent.r, consent.vs) != claimant) revert NotSignedBy(claimant);
        _credit(issuerId, claimAddress, slot, note, whole ? State.CREDITED : State.CLAIMED, claimant);
    }

    /// @notice What became of an invoice, as of now: a lock that has lapsed reads FREE.
    /// @param issuerId The issuer.
    /// @param claimAddress The invoice.
    /// @return Its status.
    function statusOf(bytes32 issuerId, address claimAddress) external view returns (Status memory) {
        uint256 slot = _slots[issuerId][claimAddress];
        return Status(_stateNow(slot), _notes(slot), _time(slot), _claimant(slot));
    }

    /// @notice The role that may restore, open, lock and credit for an issuer.
    /// @param issuerId The issuer.
    /// @return The role: a hash, so that no issuer's name can be the admin's role.
    function issuerRole(bytes32 issuerId) public pure returns (bytes32) {
        return keccak256(abi.encode("ISSUER", issuerId));
    }

    function _credit(
        bytes32 issuerId,
        address claimAddress,
        uint256 slot,
        bytes32 note,
        State left,
        address claimant
    ) private {
        uint16 notes = _notes(slot) + 1;
        _slots[issuerId][claimAddress] = _packed(left, notes, uint40(block.timestamp), claimant);
        emit Credited(issuerId, claimAddress, note, left == State.CREDITED, notes);
    }

    /// @dev Use up the company's nonce for a list that it signed.
    function _useList(
        bytes32 typeHash,
        bytes32 issuerId,
        address claimant,
        uint256 nonce,
        uint256 deadline,
        address[] memory claimAddresses,
        Signature calldata signature
    ) private {
        if (block.timestamp > deadline) revert Expired(deadline);
        if (nonce != nonces[claimant]) revert WrongNonce(claimant, nonces[claimant]);
        nonces[claimant] = nonce + 1;
        bytes32 list = keccak256(abi.encodePacked(claimAddresses));
        bytes32 digest = _digest(keccak256(abi.encode(typeHash, issuerId, list, nonce, deadline)));
        if (ECDSA.recover(digest, signature.r, signature.vs) != claimant) revert NotSignedBy(claimant);
    }

    function _requireRegister(bytes32 issuerId, Register wanted) private view {
        if (registers[issuerId] != wanted) revert WrongRegister(issuerId, registers[issuerId]);
    }

    function _require(bytes32 issuerId, address claimAddress, State wanted)
        private
        view
        returns (uint256 slot)
    {
        _requireRegister(issuerId, Register.OPEN);
        slot = _slots[issuerId][claimAddress];
        State state = _stateNow(slot);
        if (state != wanted) revert WrongState(claimAddress, state);
    }

    /// @dev In another state as of this block; the number of notes is kept.
    function _changed(uint256 slot, State state, address claimant) private view returns (uint256) {
        return _packed(state, _notes(slot), uint40(block.timestamp), claimant);
    }

    /// @dev From the lowest bit: 8 of state, 16 of notes, 40 of time, 160 of claimant.
    function _packed(State state, uint16 notes, uint40 time, address claimant) private pure returns (uint256) {
        return uint256(state) | uint256(notes) << 8 | uint256(time) << 24 | uint256(uint160(claimant)) << 64;
    }

    function _stateNow(uint256 slot) private view returns (State) {
        State state = State(uint8(slot));
        return state == State.LOCKED && _hasLapsed(_time(slot)) ? State.FREE : state;
    }

    function _notes(uint256 slot) private pure returns (uint16) {
        return uint16(slot >> 8);
    }

    function _time(uint256 slot) private pure returns (uint40) {
        return uint40(slot >> 24);
    }

    function _claimant(uint256 slot) private pure returns (address) {
        return address(uint160(slot >> 64));
    }

    function _hasLapsed(uint40 time) private view returns (bool) {
        return block.timestamp > time + LOCK_LASTS;
    }

    /// @dev As the calls above would have left one, not after now.
    function _isPossible(Status calldata status) private view returns (bool) {
        bool isClaimed = status.claimant != address(0);
        if (status.time == 0 || status.time > block.timestamp) return false;
        if (status.state == State.CREDITED) return status.notes != 0;
        return isClaimed == (status.state == State.CLAIMED);
    }

    /// @dev EIP-712. By hand, since OpenZeppelin's EIP712 has no salt; made at each call, so that a chain that splits in
    /// two, each with an id of its own, takes no signature of the other.
    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                DOMAIN_TYPE, keccak256("InvoiceLedger"), keccak256("1"), block.chainid, address(this), epochNonce
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
