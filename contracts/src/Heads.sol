// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Epoch} from "./Epoch.sol";

/// @title Heads of append-only logs
/// @notice Keeps the newest head (size and Merkle root) of each log and every head it ever had. A new head is taken
/// only with an RFC 9162 consistency proof from the one before, so that whoever holds a sequencer's key can add
/// entries, and can never change, drop or back-date one.
/// @dev Several logs share one contract; `logId` keeps them apart. Nobody can rewrite: there is no way to remove a
/// head.
abstract contract Heads is Epoch {
    /// @notice A head that was taken, in one storage slot.
    /// @param size Number of entries under the head.
    /// @param time Unix seconds of the block that took it; never zero for a head that was taken.
    /// @param blockNumber That block's number.
    struct Anchor {
        uint64 size;
        uint64 time;
        uint64 blockNumber;
    }

    /// @notice Merkle tree hash of no entries: SHA-256 of nothing (RFC 9162 section 2.1.1).
    bytes32 public constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @dev Root of each log's newest head; zero for a log that was never opened. Its size stands in `_anchors`.
    mapping(bytes32 logId => bytes32 root) private _newestRoots;
    mapping(bytes32 logId => mapping(bytes32 root => Anchor anchor)) private _anchors;

    /// @notice A log was opened, empty or at the last final head of an earlier epoch.
    /// @param logId The log.
    /// @param sequencer Who may append to it.
    /// @param size Number of entries it begins with.
    /// @param root Merkle tree hash over these.
    event LogOpened(bytes32 indexed logId, address indexed sequencer, uint64 size, bytes32 root);

    /// @notice A log grew.
    /// @param logId The log.
    /// @param oldSize Number of entries before.
    /// @param newSize Number of entries now.
    /// @param root Merkle tree hash over all of them.
    event HeadAppended(bytes32 indexed logId, uint64 oldSize, uint64 newSize, bytes32 root);

    /// @notice The log was opened before; it cannot be opened again.
    /// @param logId The log.
    error LogAlreadyOpen(bytes32 logId);

    /// @notice No tree of this size has this root: zero is no hash, and EMPTY_ROOT belongs to size 0 alone.
    /// @param size Number of entries of the head that was offered.
    /// @param root Its root.
    error ImpossibleHead(uint64 size, bytes32 root);

    /// @notice The log's newest head has another size than the caller built upon.
    /// @param currentSize Number of entries in the log.
    /// @param assumedSize Number of entries that the caller assumed.
    error HeadMoved(uint64 currentSize, uint64 assumedSize);

    /// @notice A head must have more entries than the one before.
    /// @param oldSize Number of entries in the log.
    /// @param newSize Number of entries offered.
    error NotGrowing(uint64 oldSize, uint64 newSize);

    /// @notice The proof does not show that the new head begins with the old one.
    /// @param logId The log.
    /// @param oldSize Number of entries in the log.
    /// @param newSize Number of entries offered.
    error InconsistentHead(bytes32 logId, uint64 oldSize, uint64 newSize);

    /// @notice The chain has no SHA-256 precompile, or the gas ended in it: no proof can be judged.
    error NoSha256();

    /// @notice Open a log, once, for `sequencer`: empty, or at the last final head of an earlier epoch.
    /// @dev Only the admin opens logs, so that a stranger cannot take a log's name first. The first head counts as
    /// taken now, whenever an earlier epoch took it.
    /// @param logId The log, named by its issuer.
    /// @param size Number of entries it begins with.
    /// @param root Merkle tree hash over these; EMPTY_ROOT for none.
    /// @param sequencer Who may append. The admin can revoke it and grant another (see `sequencerRole`).
    function openLog(bytes32 logId, uint64 size, bytes32 root, address sequencer)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (sequencer == address(0)) revert ZeroAddress();
        if (_newestRoots[logId] != 0) revert LogAlreadyOpen(logId);
        _grantRole(sequencerRole(logId), sequencer);
        _take(logId, size, root);
        emit LogOpened(logId, sequencer, size, root);
    }

    /// @notice Append: take a head of `newSize` entries in place of the one of `oldSize`.
    /// @dev Compare and append: a head that moved meanwhile refuses, so nothing is taken twice or out of turn.
    /// @param logId The log.
    /// @param oldSize Number of entries that the caller built upon.
    /// @param newSize Number of entries in the new head.
    /// @param newRoot Merkle tree hash over these.
    /// @param proof RFC 9162 section 2.1.4.1 consistency proof; empty where `oldSize` is 0.
    function append(bytes32 logId, uint64 oldSize, uint64 newSize, bytes32 newRoot, bytes32[] calldata proof)
        external
        onlyRole(sequencerRole(logId))
    {
        bytes32 oldRoot = _newestRoots[logId];
        uint64 currentSize = _anchors[logId][oldRoot].size;
        if (currentSize != oldSize) revert HeadMoved(currentSize, oldSize);
        if (newSize <= oldSize) revert NotGrowing(oldSize, newSize);
        if (!_isConsistent(oldSize, newSize, oldRoot, newRoot, proof)) {
            revert InconsistentHead(logId, oldSize, newSize);
        }
        _take(logId, newSize, newRoot);
        emit HeadAppended(logId, oldSize, newSize, newRoot);
    }

    /// @notice The newest head of a log; all zero if it was never opened.
    /// @param logId The log.
    /// @return size Number of entries.
    /// @return root Merkle tree hash over these; EMPTY_ROOT for none.
    function head(bytes32 logId) external view returns (uint64 size, bytes32 root) {
        root = _newestRoots[logId];
        size = _anchors[logId][root].size;
    }

    /// @notice When a head was taken; all zero for a root that never was this log's head here.
    /// @param logId The log.
    /// @param root Merkle tree hash of the head, the newest or an older one.
    /// @return size Number of entries under the head.
    /// @return time Unix seconds of the block that took it.
    /// @return blockNumber That block's number.
    function anchoredAt(bytes32 logId, bytes32 root)
        external
        view
        returns (uint64 size, uint64 time, uint64 blockNumber)
    {
        Anchor storage anchor = _anchors[logId][root];
        return (anchor.size, anchor.time, anchor.blockNumber);
    }

    /// @notice Whether `leafHash` stands at `index` under `root`, a head that this log had here.
    /// @dev A root that never was a head has size 0, and no index is below that.
    /// @param logId The log.
    /// @param root Merkle tree hash of the head, the newest or an older one.
    /// @param leafHash SHA-256 of 0x00 and the entry (RFC 9162 section 2.1.1).
    /// @param index Position of the entry, from 0.
    /// @param proof RFC 9162 section 2.1.3.1 inclusion proof for the head's size.
    /// @return Whether it does.
    function verifyInclusion(bytes32 logId, bytes32 root, bytes32 leafHash, uint64 index, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        uint64 size = _anchors[logId][root].size;
        return index < size && _rootFrom(leafHash, index, size, proof) == root;
    }

    /// @notice The role that may append to a log.
    /// @param logId The log.
    /// @return The role: a hash, so that no log's name can be the admin's role.
    function sequencerRole(bytes32 logId) public pure returns (bytes32) {
        return keccak256(abi.encode("SEQUENCER", logId));
    }

    /// @dev Overwrites no anchor: sizes only grow, and two heads of one log with the same root and different sizes,
    /// the later proven from the earlier, would be a collision of SHA-256.
    function _take(bytes32 logId, uint64 size, bytes32 root) private {
        // No proof speaks for a log's first heads; a root of zero would make the log look as if never opened.
        if (root == 0 || (size == 0) != (root == EMPTY_ROOT)) revert ImpossibleHead(size, root);
        _newestRoots[logId] = root;
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

    /// @dev RFC 9162 section 2.1.4.2 for oldSize < newSize. `index` and `last` (fn and sn there) are the places, level by
    /// level upwards, of the old tree's last subtree and of the new tree's. The empty log begins every log.
    function _isConsistent(
        uint256 oldSize,
        uint256 newSize,
        bytes32 oldRoot,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) private view returns (bool) {
        if (oldSize == 0) return proof.length == 0;
        if (proof.length == 0) return false;
        // An old tree of a power of two is itself the first subtree: its root is known, and not in the proof.
        bool oldIsComplete = oldSize & (oldSize - 1) == 0;
        bytes32 oldNode = oldIsComplete ? oldRoot : proof[0];
        bytes32 newNode = oldNode;
        uint256 index = oldSize - 1;
        uint256 last = newSize - 1;
        while (index & 1 == 1) {
            index >>= 1;
            last >>= 1;
        }
        for (uint256 i = oldIsComplete ? 0 : 1; i < proof.length; ++i) {
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

    /// @dev SHA-256(0x01 ‖ left ‖ right) by the precompile, in memory that is never claimed: Solidity's own `sha256` of
    /// packed bytes would take fresh memory for each node. The length of the answer is checked, since a chain without
    /// the precompile answers success and nothing.
    function _hash(bytes32 left, bytes32 right) private view returns (bytes32 node) {
        bool answered;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            mstore(add(buffer, 1), left)
            mstore(add(buffer, 33), right)
            answered := and(eq(returndatasize(), 32), staticcall(gas(), 2, buffer, 65, 0, 32))
            node := mload(0)
        }
        if (!answered) revert NoSha256();
    }
}
