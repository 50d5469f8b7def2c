"""The phone in front of a stall: scan, pay, invoice. No account; tokens open what the phone holds."""

from invoice_service.web.shopper import basket, complaints, mails, views

__all__ = ["basket", "complaints", "mails", "views"]
