// What the ledger needs of cryptography, by either of two back ends that answer alike: WebCrypto, where the
// page stands in a secure context, and the noble libraries elsewhere (a saved page opened from disk by some
// browsers, plain HTTP in the market's Wi-Fi). Which algorithms WebCrypto has differs, so each is tried once.

import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";

const P256_KEY = { name: "ECDSA", namedCurve: "P-256" };
const P256_SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const SIGNATURE_BYTES = 64;

/** Pure JavaScript. Keys are raw: 65 bytes of an uncompressed P-256 point, 32 of Ed25519. */
export const noble = {
  name: "noble",
  sha256: async (bytes) => sha256(bytes),
  // lowS: entries are named by their leaves, so a signature and its negative are equally good (section 5).
  verifyP256: async (key, message, signature) =>
    holds(() => p256.verify(signature, message, key, { lowS: false, format: "compact" })),
  verifyEd25519: async (key, message, signature) =>
    holds(() => ed25519.verify(signature, message, key, { zip215: false })),
};

/** WebCrypto's own, by a given SubtleCrypto. Where it lacks an algorithm, noble does that one. */
export async function webCrypto(subtle) {
  const ed = { name: "Ed25519" };
  return {
    name: "WebCrypto",
    sha256: async (bytes) => new Uint8Array(await subtle.digest("SHA-256", bytes)),
    verifyP256: verifier(subtle, P256_KEY, P256_SIGNATURE),
    verifyEd25519: (await hasEd25519(subtle)) ? verifier(subtle, ed, ed) : noble.verifyEd25519,
  };
}

/** The back end for where this runs. */
export async function present() {
  const subtle = globalThis.crypto && globalThis.crypto.subtle;
  return subtle ? webCrypto(subtle) : noble;
}

function verifier(subtle, keyKind, signatureKind) {
  return async (key, message, signature) => {
    if (signature.length !== SIGNATURE_BYTES) return false;
    try {
      const imported = await subtle.importKey("raw", key, keyKind, false, ["verify"]);
      return await subtle.verify(signatureKind, imported, signature, message);
    } catch {
      return false; // no point of the curve: nothing was signed with that
    }
  };
}

async function hasEd25519(subtle) {
  try {
    const anyKey = ed25519.getPublicKey(new Uint8Array(32));
    await subtle.importKey("raw", anyKey, { name: "Ed25519" }, false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

function holds(verify) {
  try {
    return verify();
  } catch {
    return false;
  }
}
