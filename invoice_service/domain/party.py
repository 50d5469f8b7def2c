"""Who buys and who sells: names, the unified social credit code, and the buyer header 抬头."""

from __future__ import annotations

import enum
import unicodedata
from dataclasses import dataclass

from invoice_service.errors import N_, Error, InvalidInput

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
NAME_MAX = 100
INDIVIDUAL = "个人"


class TaxpayerKind(enum.StrEnum):
    GENERAL = "general"
    SMALL_SCALE = "small_scale"
    NATURAL_PERSON = "natural_person"  # sells without registration; has no credit code


class BuyerKind(enum.StrEnum):
    INDIVIDUAL = "individual"
    ORGANIZATION = "organization"


class BadBuyer(InvalidInput):
    code = "buyer.invalid"
    message = N_("Please check the buyer's details.")


class BuyerDiffers(Error):
    code = "invoice.buyer_differs"
    message = N_("This order already has an invoice made out to somebody else. An invoice cannot be changed.")
    status = 409


NAME_EMPTY = N_("Please enter a name.")
NAME_TOO_LONG = N_("A name has at most 100 characters.")
NAME_UNPRINTABLE = N_("The name contains characters that cannot be printed.")
USCC_WRONG = N_("This is not a valid credit code. Please check its 18 characters.")
USCC_NEEDED = N_("A company needs its 18-character credit code.")
USCC_UNWANTED = N_("A person's invoice has no credit code.")
KIND_WRONG = N_("Please choose a person or a company.")


@dataclass(frozen=True, slots=True)
class Buyer:
    kind: BuyerKind
    name: str
    tax_id: str | None


def uscc_check_character(first17: str) -> str:
    """GB 32100-2015: weights 3^i mod 31; (31 − Σ mod 31) mod 31. Raises ValueError off the alphabet."""
    total = sum(USCC_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def is_uscc(text: str) -> bool:
    """Whether `text` is a well-formed 18-character code with the right check character."""
    if len(text) != 18 or any(c not in USCC_ALPHABET for c in text):
        return False
    return uscc_check_character(text[:17]) == text[17]


def name_problem(name: str) -> str | None:
    """Why `name` cannot stand on a document, or None. Bidi and zero-width characters count as unprintable."""
    if not name:
        return NAME_EMPTY
    if len(name) > NAME_MAX:
        return NAME_TOO_LONG
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in name):
        return NAME_UNPRINTABLE
    return None


def make_buyer(kind: str, name: str, tax_id: str | None) -> Buyer:
    """A checked buyer header, normalised (NFC, outer spaces gone, code upper-case).

    An individual who gives no name is 个人. Raises BadBuyer with a message for each wrong field.
    """
    if kind not in BuyerKind.__members__.values():
        raise BadBuyer({"kind": KIND_WRONG})
    chosen = BuyerKind(kind)
    clean_name = unicodedata.normalize("NFC", name.strip())
    clean_tax_id = (tax_id or "").replace(" ", "").replace("-", "").upper() or None
    if chosen is BuyerKind.INDIVIDUAL:
        clean_name = clean_name or INDIVIDUAL
    problems = {"name": name_problem(clean_name), "tax_id": _tax_id_problem(chosen, clean_tax_id)}
    if fields := {field: problem for field, problem in problems.items() if problem}:
        raise BadBuyer(fields)
    return Buyer(chosen, clean_name, clean_tax_id)


def _tax_id_problem(kind: BuyerKind, tax_id: str | None) -> str | None:
    if kind is BuyerKind.INDIVIDUAL:
        return USCC_UNWANTED if tax_id else None
    if tax_id is None:
        return USCC_NEEDED
    return None if is_uscc(tax_id) else USCC_WRONG
