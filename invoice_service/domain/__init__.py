"""What a market's sales and invoices are. Standard library only; one module a noun."""
