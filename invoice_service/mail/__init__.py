"""How mail leaves: written as one message, and carried by a mail server or, for trying out, into a folder."""
