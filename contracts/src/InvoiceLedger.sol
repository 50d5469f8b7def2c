// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Epoch} from "./Epoch.sol";
import {Heads} from "./Heads.sol";
import {Statuses} from "./Statuses.sol";

/// @title InvoiceLedger: heads of invoice logs, and whether an invoice is claimed
/// @notice That an invoice exists is shown by a head of its issuer's log; what became of it, by its status.
/// @dev Several logs and issuers share one contract. There is no proxy and no owner's override. One deployment is one
/// epoch, named by its nonce.
contract InvoiceLedger is Heads, Statuses {
    /// @notice Deploy one epoch.
    /// @param admin Cold account that opens logs, registers issuers and appoints their accounts.
    /// @param nonce Random value that names this deployment, kept by the deployer before deploying.
    constructor(address admin, bytes32 nonce) Epoch(admin, nonce) {}
}
