"""What the page that verifies without us says, by key. Verdicts are said as the service itself says them."""

from __future__ import annotations

from invoice_service.documents.attached import UNREADABLE
from invoice_service.domain.credit_note import NOTHING_TO_PAY
from invoice_service.errors import N_
from invoice_service.ledger import evidence as ev
from invoice_service.queries.verify import (
    CHAIN_NOT_ASKED,
    IN_A_PDF,
    NO_LINK,
    SENTENCES,
    STANDING,
)

_VERDICTS = {
    "word.genuine": N_("Genuine"),
    "word.altered": N_("Altered"),
    "word.unknown": N_("Unknown"),
    "word.undecided": N_("Undecided"),
    "word.unreadable": N_("Unreadable"),
    "genuine.on_chain": SENTENCES[ev.GENUINE],
    "genuine.on_chain.other": N_("Issued by the issuer you trust, unchanged to the byte, and on the chain."),
    "genuine.in_log": CHAIN_NOT_ASKED,
    "genuine.credit_note": NOTHING_TO_PAY,
    "pdf.on_chain": IN_A_PDF,
    "pdf.in_log": N_(
        "The evidence in this PDF is signed by the issuer and in its log; the chain was not asked. "
        "Compare what is printed with what stands here."
    ),
    **{f"standing.{key}": sentence for key, sentence in STANDING.items()},
    "altered": SENTENCES[ev.ALTERED],
    "unknown": SENTENCES[ev.UNKNOWN],
    "unknown.other": N_("The issuer you trust never issued this."),
    "undecided": SENTENCES[ev.UNDECIDED],
    "as_told": N_("As told by {endpoint}."),
    "problem.unreadable": UNREADABLE,
    "problem.old_browser": N_(
        "This browser is too old to look into a PDF. Choose the evidence file (JSON) instead."
    ),
}
_LINKS = {
    "word.signed": N_("Signed by the issuer"),
    "word.unsigned": N_("Not signed"),
    "link.holds": N_(
        "The issuer signed this number, date and total. Whether the invoice is in its log, and counts today, "
        "only the online check can say."
    ),
    "link.no_key": N_(
        "None of the issuer's keys that this page knows signed this code. Do not accept it. Only a page "
        "that was saved long ago may lack a newer key."
    ),
    "link.revoked": N_("The key that signed this code had been revoked before that day. Do not accept it."),
    "link.revoked_later": N_(
        "The key that signed this code has been revoked since. Only the online check can say more."
    ),
    "link.no_statement": N_("This page knows no keys of the issuer you trust, and cannot judge this code."),
    "link.online": N_("Check online"),
    "link_name": N_("An invoice's code"),
    "document.3": N_("Invoice"),
    "document.4": N_("Credit note"),
    "fact.document": N_("Document"),
}
_FACTS = {
    "fact.number": N_("Number"),
    "fact.total": N_("Total"),
    "fact.issued": N_("Issued on"),
    "fact.seller": N_("Seller"),
    "fact.buyer": N_("Buyer"),
    "fact.existed": N_("Existed by"),
    "fact.claimed": N_("Claimed on"),
    "fact.notes": N_("Credit notes"),
    "fact.of_invoice": N_("Takes from invoice"),
    "fact.operator": N_("Who runs the chain"),
    "buyer_absent": N_("Not in this file; everything else stands without it."),
}
_STEPS = {
    "steps": N_("What was checked: {count} steps"),
    "outcome.passed": N_("passed"),
    "outcome.failed": N_("failed"),
    "outcome.open": N_("undecided"),
    "step.issuer": N_("Issuer's statement"),
    "step.pin": N_("Root key"),
    "step.body": N_("Content"),
    "step.buyer": N_("Buyer"),
    "step.signature": N_("Signature"),
    "step.inclusion": N_("Place in the log"),
    "step.chain": N_("Chain"),
    "issuer.signed": N_("The issuer's statement is signed by the root key that the file names."),
    "issuer.not_signed": N_("The issuer's statement does not hold."),
    "pin.same": N_("That root key is the one you trust."),
    "pin.other": N_("The file hangs on {issuer}, which is not the root key you trust."),
    "pin.none": N_("No root key was given to trust. The file names {issuer}."),
    "body.same": N_("The invoice's content matches its entry, to the byte."),
    "body.no_entry": N_("The entry is malformed."),
    "body.no_invoice": N_("The entry is not that of an invoice or a credit note."),
    "body.other_issuer": N_("The entry and the invoice name different issuers."),
    "body.changed": N_("The invoice's content is not the one that was issued."),
    "buyer.same": N_("The buyer's details match the entry, to the byte."),
    "buyer.erased": N_("The buyer's details are not in this file; everything else stands without them."),
    "buyer.none": N_("The document names no buyer of its own."),
    "buyer.changed": N_("The buyer's details are not the ones that were issued."),
    "signature.holds": N_("The entry is signed by one of the issuer's working keys."),
    "signature.none": N_("The entry is not signed by any of the issuer's keys."),
    "signature.too_early": N_("The entry is older than the key that signed it."),
    "signature.revoked": N_("The key that signed the entry had been revoked."),
    "signature.revoked_later": N_(
        "The key that signed the entry has been revoked since. Only the chain can say more."
    ),
    "inclusion.there": N_("The entry is number {index} of the {size} entries under the log's signed head."),
    "inclusion.waits": N_("The invoice is issued but was not yet in the log when this file was made."),
    "inclusion.no_head": N_("The log's head in the file is not signed by the issuer's log key."),
    "inclusion.not_there": N_("The entry is not in the log where the file says it is."),
    "inclusion.revoked": N_("The log's key has been revoked since. Only the chain can say more."),
    "chain.there": N_("The log's head is on chain in block {block}."),
    "chain.no_pin": N_("A contract that only the file itself names proves nothing, so it was not asked."),
    "chain.waits": N_("Without a place in the log there is nothing to look up on the chain."),
    "chain.no_answer": N_("The chain is not answering, so its part could not be checked."),
    "chain.another": N_("The chain asked is none of those that the issuer names."),
    "chain.no_head": N_("The log's head in this file is not on the chain yet. Fetch the file again."),
    "chain.other_size": N_("The chain holds this head with another size."),
    "chain.after_revocation": N_(
        "The key that signed the entry was revoked before this head came on the chain."
    ),
}
_PAGE = {
    "title": N_("Verify without us"),
    "lead": N_("Everything is checked on this device. No file leaves it."),
    "drop": N_("Drop PDF or evidence files (JSON) here, or paste one"),
    "bring": N_("PDF or evidence file (JSON)"),
    "choose": N_("Choose files"),
    "scan": N_("Scan a code"),
    "noscript": N_("This page needs JavaScript: it does the checking itself."),
    "pasted": N_("Pasted text"),
    "results": N_("Results"),
    "trust": N_("Whom this page trusts"),
    "trust_why": N_(
        "The fingerprint of this issuer's root key is built into the page. Compare it with one that you have "
        "from somewhere else: on paper, by telephone, from another saved copy."
    ),
    "built_in": N_("built in"),
    "pin": N_("Trust another root key (64 hex digits)"),
    "no_pin": N_("No root key: nothing can be more than undecided."),
    "bad_pin": N_("A fingerprint has 64 digits from 0 to 9 and a to f."),
    "chain": N_("Ask a chain too"),
    "chain_why": N_(
        "Nothing is asked unless you give an address. Only the fingerprint of the log's head is sent there, "
        "and the answer is as good as whoever gives it: best is a node of your own."
    ),
    "endpoint": N_("Address of a JSON-RPC endpoint"),
    "ask_service": N_("Use this service's"),
    "bad_endpoint": N_("An address begins with http:// or https://."),
    "save": N_("Save this page"),
    "save_why": N_("One file that works from disk, also when this service is gone."),
    "engine": N_("Cryptography by"),
    "licences": N_("Licences of what this page carries"),
    "code": N_(
        "The code names invoice {number}, which proves nothing by itself. Get its PDF or evidence file, and "
        "put it here."
    ),
    "link": N_("Or paste the address in an invoice's code"),
    "link_check": N_("Verify"),
    "code_other": NO_LINK,
    "camera_denied": N_("The camera is not available here."),
}
WORDS = _VERDICTS | _LINKS | _FACTS | _STEPS | _PAGE
