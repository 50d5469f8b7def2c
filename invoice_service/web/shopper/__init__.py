"""The phone in front of a stall: scan, pay, invoice. No account; tokens open what the phone holds."""

from invoice_service.web.shopper import basket, complaints, views

__all__ = ["basket", "complaints", "views"]
