// Public keys as they travel, section 5: DER SubjectPublicKeyInfo, which for our two kinds is a fixed
// beginning and then the raw key. Anything else is no key.

import { fromHex, same } from "./bytes.js";

const KINDS = [
  { kind: "P-256", start: fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200"), length: 65 },
  { kind: "Ed25519", start: fromHex("302a300506032b6570032100"), length: 32 },
];

/** {kind, raw} of a key's DER, or null. */
export function opened(der) {
  for (const { kind, start, length } of KINDS) {
    const begins = same(der.subarray(0, start.length), start);
    const raw = der.subarray(start.length);
    const isWhole = begins && raw.length === length;
    if (isWhole && (kind !== "P-256" || raw[0] === 4)) return { kind, raw };
  }
  return null;
}

export async function verifiesP256(backend, der, message, signature) {
  const key = opened(der);
  return key !== null && key.kind === "P-256" && backend.verifyP256(key.raw, message, signature);
}
