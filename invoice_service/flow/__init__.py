"""Verbs that change something, one module each. A flow opens one unit of work at a time, and closes it
before it talks to a payment provider or the chain."""
