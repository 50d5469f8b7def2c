"""The JSON API under /api/v1: the same flows and queries as the pages, described by OpenAPI."""
