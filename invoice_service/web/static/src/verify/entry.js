// The 133 bytes that stand in the log for a fact, section 3, and the commitments in them, section 4.

import { fromUtf8, join, utf8 } from "./bytes.js";
import { encode } from "./canonical.js";

/** The documents that evidence can be of, by the entry's kind. */
export const DOCUMENTS = { 3: "invoice", 4: "credit-note" };
export const INVOICE = 3;
const TAG = "SLENTRY1";
const LENGTH = 133;
const LAST_KIND = 8;

export class NotAnEntry extends Error {}

/** The fields of an entry. Throws NotAnEntry. */
export function decodeEntry(bytes) {
  if (bytes.length !== LENGTH) throw new NotAnEntry("another length");
  if (tagOf(bytes) !== TAG) throw new NotAnEntry("another tag");
  const kind = bytes[8];
  if (kind < 1 || kind > LAST_KIND) throw new NotAnEntry("another kind");
  return {
    kind,
    issuerId: bytes.slice(9, 41),
    claimAddress: bytes.slice(41, 61),
    bodyCommitment: bytes.slice(61, 93),
    buyerCommitment: bytes.slice(93, 125),
    instantMs: new DataView(bytes.buffer, bytes.byteOffset + 125, 8).getBigUint64(0),
  };
}

export const commitBody = (backend, salt, body) => commitment(backend, "SLBODY01", salt, body);
export const commitBuyer = (backend, salt, buyer) => commitment(backend, "SLBUYER1", salt, buyer);

/** Throws NotCanonical for what cannot be hashed. */
function commitment(backend, tag, salt, document) {
  return backend.sha256(join(utf8(tag), salt, encode(document)));
}

function tagOf(bytes) {
  try {
    return fromUtf8(bytes.subarray(0, 8));
  } catch {
    return "";
  }
}
