"""The tax officer's desk: where tax arises, one vendor's sales, spot checks."""
