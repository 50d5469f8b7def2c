"""The tax officer's desk: where tax arises, one vendor's sales, spot checks, what shoppers report."""

from invoice_service.web.officer import checks, complaints, views

__all__ = ["checks", "complaints", "views"]
