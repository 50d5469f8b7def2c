// The issuer statement, section 5: which keys, log and contracts speak for the issuer. It is believed only as
// a whole, under the signature of the root key whose id the issuer is.

import { fromBase64, fromHex, join, Misspelt, same, toHex, utf8 } from "./bytes.js";
import { encode, NotCanonical } from "./canonical.js";
import { opened, verifiesP256 } from "./keys.js";
import { membersOf, Misshapen } from "./shape.js";

const TAG = "SLSTATE1";
const KEY_KINDS = { entry: "P-256", checkpoint: "Ed25519" };

export class BadStatement extends Error {}

/** The statement in `signed`, as `parse` gives it. Throws BadStatement. */
export async function openStatement(backend, signed) {
  try {
    const outer = membersOf(signed, ["statement", "signature"]);
    const statement = await shaped(backend, outer.statement);
    const message = join(utf8(TAG), encode(outer.statement));
    const signature = fromHex(outer.signature, 64);
    const holds = await verifiesP256(backend, statement.rootKey, message, signature);
    if (!holds) throw new BadStatement("not signed");
    return statement;
  } catch (error) {
    const isFault = [Misshapen, Misspelt, NotCanonical].some((kind) => error instanceof kind);
    throw isFault ? new BadStatement(error.message) : error;
  }
}

async function shaped(backend, document) {
  const names = ["type", "version", "issuer", "name", "root_key", "origin", "keys", "epochs"];
  const said = membersOf(document, names);
  const isOne = said.type === "issuer-statement" && said.version === 1n;
  if (!isOne) throw new BadStatement("another type or version");
  const rootKey = fromBase64(said.root_key);
  const issuerId = fromHex(said.issuer, 32);
  if (!same(await backend.sha256(rootKey), issuerId)) throw new BadStatement("a root that is not the issuer");
  const keys = await Promise.all(listOf(said.keys).map((key) => keyIn(backend, key)));
  return {
    issuerId,
    rootKey,
    name: textIn(said.name),
    origin: textIn(said.origin),
    keys: keys.filter((key) => key !== null),
    epochs: listOf(said.epochs).map(epochIn),
  };
}

async function keyIn(backend, document) {
  const said = membersOf(document, ["id", "use", "public_key", "valid_from_ms", "revoked_ms"]);
  const der = fromBase64(said.public_key);
  if (toHex(await backend.sha256(der)) !== said.id) throw new BadStatement("a key with another id");
  const revoked = said.revoked_ms === null ? null : wholeIn(said.revoked_ms);
  const found = { use: textIn(said.use), der, validFromMs: wholeIn(said.valid_from_ms), revokedMs: revoked };
  const kind = KEY_KINDS[found.use];
  const key = opened(der);
  return kind && key && key.kind === kind ? { ...found, raw: key.raw } : null;
}

function epochIn(document) {
  const said = membersOf(document, ["nonce", "chain_id", "genesis_hash", "contract", "log_id", "operator"]);
  return {
    nonce: fromHex(said.nonce, 32),
    chainId: wholeIn(said.chain_id),
    genesisHash: fromHex(said.genesis_hash, 32),
    contract: fromHex(said.contract, 20),
    logId: fromHex(said.log_id, 32),
    operator: textIn(said.operator),
  };
}

function wholeIn(value) {
  if (typeof value !== "bigint") throw new Misshapen("no whole number");
  return value;
}

function textIn(value) {
  if (typeof value !== "string") throw new Misshapen("no text");
  return value;
}

function listOf(value) {
  if (!Array.isArray(value)) throw new Misshapen("no list");
  return value;
}
