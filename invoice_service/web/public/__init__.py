"""For anyone: verify an invoice, see that the service is well, read the API."""
