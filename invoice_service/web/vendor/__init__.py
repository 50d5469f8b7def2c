"""The vendor's phone: today's money, own goods, keyed sales, the day's close, what may be invoiced."""

from invoice_service.web.vendor import allowances, views

__all__ = ["allowances", "views"]
