"""The market operator's desk: stalls, vendors, who sells where and when, posters, figures."""

from invoice_service.web.market import complaints, imports, people, stalls, vendors, views

__all__ = ["complaints", "imports", "people", "stalls", "vendors", "views"]
