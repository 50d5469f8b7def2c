// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title One deployment, named by a nonce
/// @notice Addresses, chain ids and genesis hashes repeat between development chains; a random nonce does not.
abstract contract Epoch is AccessControl {
    /// @notice Random value that names this deployment; chain ids and addresses repeat on development chains.
    bytes32 public immutable epochNonce;

    /// @notice An account that is given a role would be nobody.
    error ZeroAddress();

    /// @notice Name the deployment, and give it an admin.
    /// @param admin Cold account that appoints sequencers and issuers' accounts; it is neither itself.
    /// @param nonce Random value that names this deployment, kept by the deployer before deploying.
    constructor(address admin, bytes32 nonce) {
        if (admin == address(0)) revert ZeroAddress();
        epochNonce = nonce;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }
}
