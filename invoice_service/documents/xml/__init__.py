"""Invoices and credit notes as XML: UBL 2.1 for the world, a flat one in Chinese, and the way back."""
