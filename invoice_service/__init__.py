"""Stall Ledger (摊票链): blockchain e-invoices for farmers' markets. Read `app.py` first."""
