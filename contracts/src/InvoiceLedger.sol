// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title InvoiceLedger: heads of append-only invoice logs
/// @notice Keeps the newest head (size and Merkle root) of each log and every head it ever had. A new head is
/// taken only with an RFC 9162 consistency proof from the one before, so that whoever holds a sequencer's
/// key can add entries, and can never change, drop or back-date one.
/// @dev Several logs of several issuers share one contract; `logId` keeps them apart. Nobody can rewrite: there
/// is no proxy, no owner's override and no way to remove a head. One deployment is one epoch, named by its nonce.
contract InvoiceLedger is AccessControl {
    /// @notice A head that was taken, in one storage slot.
    /// @param size Number of entries under the head; never zero for a head that was taken.
    /// @param time Unix seconds of the block that took it.
    /// @param blockNumber That block's number.
    struct Anchor {
        uint64 size;
        uint64 time;
        uint64 blockNumber;
    }

    /// @notice The newest head of a log.
    /// @param root Merkle tree hash over all entries.
    /// @param size Number of entries.
    /// @param isOpen Whether the log was opened; an empty log is open with size 0.
    struct Log {
        bytes32 root;
        uint64 size;
        bool isOpen;
    }

    /// @notice Random value that names this deployment; chain ids and addresses repeat on development chains.
    bytes32 public immutable epochNonce;

    mapping(bytes32 logId => Log log) private _logs;
    mapping(bytes32 logId => mapping(bytes32 root => Anchor anchor)) private _anchors;

    /// @notice A log was opened at `size` and `root` (0 entries, or the last final head of an earlier epoch).
    event LogOpened(bytes32 indexed logId, address indexed sequencer, uint64 size, bytes32 root);

    /// @notice A log grew from `oldSize` to `newSize` entries.
    event HeadAppended(bytes32 indexed logId, uint64 oldSize, uint64 newSize, bytes32 root);

    /// @notice The log was opened before; it cannot be opened again.
    error LogAlreadyOpen(bytes32 logId);
    /// @notice The log's newest head has another size than the caller built upon.
    error HeadMoved(uint64 currentSize, uint64 assumedSize);
    /// @notice A head must have more entries than the one before.
    error NotGrowing(uint64 oldSize, uint64 newSize);
    /// @notice The proof does not show that the new head begins with the old one.
    error InconsistentHead(bytes32 logId, uint64 oldSize, uint64 newSize);

    /// @param admin Cold account that opens logs and appoints sequencers; it cannot append.
    /// @param nonce Random value that names this deployment.
    constructor(address admin, bytes32 nonce) {
        epochNonce = nonce;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice Open a log for `sequencer`, empty (size 0) or at the last final head of an earlier epoch.
    /// @dev Only the admin opens logs, so that a stranger cannot take a log's name first.
    function openLog(bytes32 logId, uint64 size, bytes32 root, address sequencer)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (_logs[logId].isOpen) revert LogAlreadyOpen(logId);
        _logs[logId] = Log({root: root, size: size, isOpen: true});
        _grantRole(sequencerRole(logId), sequencer);
        if (size != 0) _take(logId, size, root);
        emit LogOpened(logId, sequencer, size, root);
    }

    /// @notice Append: take a head of `newSize` entries in place of the one of `oldSize`.
    /// @param proof RFC 9162 section 2.1.4 consistency proof; empty where `oldSize` is 0.
    /// @dev Compare and append: a head that moved meanwhile refuses, so nothing is taken twice or out of turn.
    function append(bytes32 logId, uint64 oldSize, uint64 newSize, bytes32 newRoot, bytes32[] calldata proof)
        external
        onlyRole(sequencerRole(logId))
    {
        Log storage log = _logs[logId];
        if (log.size != oldSize) revert HeadMoved(log.size, oldSize);
        if (newSize <= oldSize) revert NotGrowing(oldSize, newSize);
        if (oldSize != 0 && !_isConsistent(oldSize, newSize, log.root, newRoot, proof)) {
            revert InconsistentHead(logId, oldSize, newSize);
        }
        log.root = newRoot;
        log.size = newSize;
        _take(logId, newSize, newRoot);
        emit HeadAppended(logId, oldSize, newSize, newRoot);
    }

    /// @notice The newest head of a log.
    function head(bytes32 logId) external view returns (uint64 size, bytes32 root) {
        Log storage log = _logs[logId];
        return (log.size, log.root);
    }

    /// @notice When a head was taken; all zero for a root that never was this log's head here.
    function anchoredAt(bytes32 logId, bytes32 root)
        external
        view
        returns (uint64 size, uint64 time, uint64 blockNumber)
    {
        Anchor storage anchor = _anchors[logId][root];
        return (anchor.size, anchor.time, anchor.blockNumber);
    }

    /// @notice Whether `leafHash` stands at `index` under `root`, a head that this log had here.
    /// @param proof RFC 9162 section 2.1.3 inclusion proof for the head's size.
    function verifyInclusion(bytes32 logId, bytes32 root, bytes32 leafHash, uint64 index, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        uint64 size = _anchors[logId][root].size;
        return index < size && _rootFrom(leafHash, index, size, proof) == root;
    }

    /// @notice The role that may append to a log.
    function sequencerRole(bytes32 logId) public pure returns (bytes32) {
        return keccak256(abi.encode("SEQUENCER", logId));
    }

    function _take(bytes32 logId, uint64 size, bytes32 root) private {
        _anchors[logId][root] =
            Anchor({size: size, time: uint64(block.timestamp), blockNumber: uint64(block.number)});
    }

    /// @dev RFC 9162 section 2.1.3.2; a proof that is too long or too short gives zero, which is no root.
    function _rootFrom(bytes32 leafHash, uint256 index, uint256 size, bytes32[] calldata proof)
        private
        view
        returns (bytes32 node)
    {
        uint256 last = size - 1;
        node = leafHash;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return 0;
            if (index & 1 == 1 || index == last) {
                node = _hash(proof[i], node);
                while (index & 1 == 0 && index != 0) {
                    index >>= 1;
                    last >>= 1;
                }
            } else {
                node = _hash(node, proof[i]);
            }
            index >>= 1;
            last >>= 1;
        }
        if (last != 0) return 0;
    }

    /// @dev RFC 9162 section 2.1.4.2 for 0 < oldSize < newSize.
    function _isConsistent(
        uint256 oldSize,
        uint256 newSize,
        bytes32 oldRoot,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) private view returns (bool) {
        bool oldIsComplete = oldSize & (oldSize - 1) == 0;
        if (proof.length == 0) return false;
        uint256 next = oldIsComplete ? 0 : 1;
        bytes32 oldNode = oldIsComplete ? oldRoot : proof[0];
        bytes32 newNode = oldNode;
        uint256 index = oldSize - 1;
        uint256 last = newSize - 1;
        while (index & 1 == 1) {
            index >>= 1;
            last >>= 1;
        }
        for (uint256 i = next; i < proof.length; ++i) {
            if (last == 0) return false;
            bytes32 sibling = proof[i];
            if (index & 1 == 1 || index == last) {
                oldNode = _hash(sibling, oldNode);
                newNode = _hash(sibling, newNode);
                while (index & 1 == 0 && index != 0) {
                    index >>= 1;
                    last >>= 1;
                }
            } else {
                newNode = _hash(newNode, sibling);
            }
            index >>= 1;
            last >>= 1;
        }
        return last == 0 && oldNode == oldRoot && newNode == newRoot;
    }

    /// @dev SHA-256(0x01 ‖ left ‖ right) by the precompile, without a fresh allocation for each node.
    function _hash(bytes32 left, bytes32 right) private view returns (bytes32 node) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            mstore(add(buffer, 1), left)
            mstore(add(buffer, 33), right)
            if iszero(staticcall(gas(), 2, buffer, 65, 0, 32)) { revert(0, 0) }
            node := mload(0)
        }
    }
}
