// The signed link in an invoice's QR code, section 10: number, day and total under the issuer's signature. It
// brings no authority of its own, so it is judged by the statement that the page carries.

import { fromBase64, join, Misspelt, same, utf8 } from "./bytes.js";
import { verifiesP256 } from "./keys.js";

const TAG = "SLLINK01";
const CODE = "[A-Za-z0-9_-]{110}";
const ALONE = new RegExp(`^${CODE}$`);
const SCANNED = new RegExp(`^https?://[!-"$->@-~]+/v/(${CODE})(?:[?#][!-~]*)?$`); // before ? and #: neither
const SCANNED_MAX = 2000;
const FACTS_BYTES = 18;
const KINDS = [3, 4];
const NUMBERS = 10n ** 20n;
const DAY_MS = 86_400_000;
const SHANGHAI_MS = 28_800_000;

export class NotALink extends Error {}

/** The code in what was scanned or typed, in an address or alone; null where there is none. */
export function codeIn(text) {
  if (text.length > SCANNED_MAX) return null;
  const trimmed = text.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");
  if (ALONE.test(trimmed)) return trimmed;
  const found = SCANNED.exec(trimmed);
  return found && found[1];
}

/** The link in what was scanned, pasted or typed; null where there is none. */
export function linkIn(text) {
  const code = codeIn(text);
  try {
    return code && { code, ...readLink(code) };
  } catch (error) {
    if (error instanceof NotALink) return null;
    throw error;
  }
}

/** What a code says, not yet judged. Throws NotALink. */
export function readLink(code) {
  if (!ALONE.test(code)) throw new NotALink("another length or alphabet");
  const bytes = bytesOf(code);
  const facts = bytes.slice(0, FACTS_BYTES);
  const [kind, number, day, total] = [[0, 1], [1, 10], [10, 12], [12, 18]].map((cut) => wholeIn(facts, ...cut));
  const isOne = KINDS.includes(Number(kind)) && number < NUMBERS;
  if (!isOne) throw new NotALink("another kind, or a number of 21 digits");
  return {
    kind: Number(kind),
    number: String(number).padStart(20, "0"),
    startMs: Number(day) * DAY_MS - SHANGHAI_MS,
    day: new Date(Number(day) * DAY_MS).toISOString().slice(0, 10),
    totalFen: total,
    facts,
    signature: bytes.slice(FACTS_BYTES),
  };
}

/** {verdict, reason} of a link. `statement` is the verifier's own, or null; `pin` an issuer id, or null. */
export async function judgeLink(link, { backend, pin, statement }) {
  const isTrusted = pin !== null && statement !== null && same(pin, statement.issuerId);
  if (!isTrusted) return { verdict: "undecided", reason: "no_statement" };
  const message = join(utf8(TAG), statement.issuerId, link.facts);
  for (const { use, der, revokedMs } of statement.keys) {
    const signed = use === "entry" && (await verifiesP256(backend, der, message, link.signature));
    if (signed) return byKey(revokedMs, link.startMs);
  }
  return { verdict: "unsigned", reason: "no_key" };
}

/** A link does not say when it was made, only for which day: whoever stole a key writes any day. */
function byKey(revokedMs, startMs) {
  if (revokedMs === null) return { verdict: "signed", reason: "holds" };
  if (BigInt(startMs) >= revokedMs) return { verdict: "unsigned", reason: "revoked" };
  return { verdict: "undecided", reason: "revoked_later" };
}

function bytesOf(code) {
  try {
    return fromBase64(`${code.replace(/-/g, "+").replace(/_/g, "/")}==`);
  } catch (error) {
    throw error instanceof Misspelt ? new NotALink(error.message) : error;
  }
}

function wholeIn(bytes, start, end) {
  return bytes.slice(start, end).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
