"""The tax officer's desk: where tax arises, one vendor's sales, spot checks, what shoppers report."""

from invoice_service.web.officer import complaints, views

__all__ = ["complaints", "views"]
