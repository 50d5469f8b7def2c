"""Mail for trying out: each message is a file in the data directory, and leaves this machine never."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

MOST = 200  # older ones are thrown away: nobody waits for them
_NAME = re.compile(r"[0-9]{1,19}\.eml", re.ASCII)


class MailFolder:
    """A `Post`. A file is named by the number that its Message-ID begins with: sent again, it is the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{message['Message-ID'].strip('<').partition('.')[0]}.eml"
        draft = self._folder / f"{name}.draft"
        draft.touch(mode=0o600)
        draft.write_bytes(message.as_bytes(policy=SMTP))
        os.replace(draft, self._folder / name)
        for old in self.names()[MOST:]:
            (self._folder / old).unlink(missing_ok=True)

    def try_out(self) -> None:
        """What could be in the way is in the way of all else in the data directory."""

    def names(self) -> Sequence[str]:
        """The newest first."""
        found = self._folder.glob("*.eml")
        return sorted((file.name for file in found), key=lambda name: int(name[:-4]), reverse=True)

    def read(self, name: str) -> EmailMessage | None:
        if not _NAME.fullmatch(name) or not (self._folder / name).is_file():
            return None
        found: EmailMessage = message_from_bytes((self._folder / name).read_bytes(), policy=SMTP)
        return found
