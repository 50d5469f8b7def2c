"""Reads, one module an audience: read-only, answering frozen values made for pages and the API."""
