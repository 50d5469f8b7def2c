"""The vendor's phone: today's money, own goods, keyed sales, the day's close, allowance and returns."""

from invoice_service.web.vendor import allowances, returns, views

__all__ = ["allowances", "returns", "views"]
