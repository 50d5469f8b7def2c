"""The chain: compile and deploy the contract, speak to it, run a development node. Knows no invoices."""
