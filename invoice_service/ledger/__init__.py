"""Bytes and hashes only. `SPEC.md` beside this file is the authority; the code follows it."""
