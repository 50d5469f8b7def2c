"""The tax officer's desk: where tax arises, a vendor's sales, allowances, spot checks, shoppers' reports."""

from invoice_service.web.officer import allowances, cases, checks, complaints, exports, views

__all__ = ["allowances", "cases", "checks", "complaints", "exports", "views"]
