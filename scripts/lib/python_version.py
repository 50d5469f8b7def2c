"""The one requirement that we cannot install ourselves, said in a sentence.

Imported first, and written so that an older Python 3 can read it: everything after it may use the
language of 3.11.
"""

import sys

OLDEST = (3, 11)


def require(script):  # type: ignore[no-untyped-def]
    """Leave with advice unless this Python is new enough."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"Stall Ledger needs Python 3.11 or newer; this is {sys.executable}, {sys.version.split()[0]}.\n"
            f"Install a newer one, then name it: python3.12 {script}"
        )
