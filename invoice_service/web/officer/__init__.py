"""The tax officer's desk: where tax arises, a vendor's sales, allowances, returns, spot checks, reports."""

from invoice_service.web.officer import allowances, cases, checks, complaints, exports, returns, views

__all__ = ["allowances", "cases", "checks", "complaints", "exports", "returns", "views"]
