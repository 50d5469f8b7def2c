// Evidence and its verification, section 8: seven steps in their order. A file never brings its own
// authority, so everything hangs on the pin, and nothing that a file says is repeated unless it is genuine.

import { fromHex, Misspelt, same, toHex } from "./bytes.js";
import { NotCanonical } from "./canonical.js";
import { NoAnswer } from "./chain.js";
import { BadCheckpoint, openNote } from "./checkpoint.js";
import { commitBody, commitBuyer, decodeEntry, DOCUMENTS, INVOICE, NotAnEntry } from "./entry.js";
import { NotJson, parse } from "./json.js";
import { membersOf, Misshapen } from "./shape.js";
import { BadStatement, openStatement } from "./statement.js";
import { includes, leafHash } from "./tree.js";

export const MAX_BYTES = 256_000;
const MAX_DEPTH = 12;
const MEMBERS = [
  "type", "version", "body", "body_salt", "buyer", "buyer_salt", "entry", "signature", "index", "checkpoint",
  "inclusion", "issuer",
];

export class Unreadable extends Error {}

/** How a step ended: `outcome` passed, open or failed; `why` names a sentence, `facts` fill it in. */
class Step {
  constructor(name, outcome, why, facts = {}) {
    Object.assign(this, { name, outcome, why, facts });
  }
}

const passed = (name, why, facts) => new Step(name, "passed", why, facts);
const open = (name, why, facts) => new Step(name, "open", why, facts);
const failed = (name, why, facts) => new Step(name, "failed", why, facts);

/** The evidence in a file's bytes. Throws Unreadable. */
export function readEvidence(bytes) {
  try {
    return shaped(parse(bytes, { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH }));
  } catch (error) {
    const isFault = [NotJson, Misshapen, Misspelt].some((kind) => error instanceof kind);
    throw isFault ? new Unreadable(error.message) : error;
  }
}

function shaped(document) {
  const said = membersOf(document, MEMBERS);
  const isOurs = said.type === "stall-ledger-evidence" && said.version === 1n;
  if (!isOurs) throw new Misshapen("another type or version");
  if (!(said.body instanceof Map) || !(said.issuer instanceof Map)) throw new Misshapen("no object");
  together(said.buyer, said.buyer_salt);
  together(said.index, said.checkpoint);
  if (said.buyer !== null && !(said.buyer instanceof Map)) throw new Misshapen("no buyer");
  if (said.index !== null && !isIndex(said.index)) throw new Misshapen("no index");
  if (said.checkpoint !== null && typeof said.checkpoint !== "string") throw new Misshapen("no checkpoint");
  if (!Array.isArray(said.inclusion)) throw new Misshapen("no proof");
  if (said.index === null && said.inclusion.length) throw new Misshapen("a proof of no place");
  return {
    body: said.body,
    bodySalt: fromHex(said.body_salt, 32),
    buyer: said.buyer,
    buyerSalt: said.buyer_salt === null ? null : fromHex(said.buyer_salt, 32),
    entry: fromHex(said.entry),
    signature: fromHex(said.signature, 64),
    index: said.index,
    checkpoint: said.checkpoint,
    inclusion: said.inclusion.map((hash) => fromHex(hash, 32)),
    issuer: said.issuer,
  };
}

const isIndex = (value) => typeof value === "bigint" && value >= 0n;

function together(one, other) {
  if ((one === null) !== (other === null)) throw new Misshapen("one without the other");
}

/** {verdict, steps, …} of evidence. `pin` is an issuer id or null; `chain` a Chain, or null to ask none. */
export async function verify(evidence, { backend, pin, chain }) {
  const taken = { evidence, backend, pin, chain, steps: [] };
  for (const step of [issuer, pinned, body, buyer, signature, inclusion, anchoring]) {
    const ended = await step(taken);
    if (ended === null) continue;
    taken.steps.push(ended);
    if (ended.outcome === "failed") return concluded(taken, ended.name === "pin" ? "unknown" : "altered");
  }
  const isComplete = taken.steps.every((step) => step.outcome === "passed");
  if (isComplete && chain) taken.standing = await standingNow(taken);
  return concluded(taken, isComplete ? "genuine" : "undecided");
}

/** What became of it, by the newest epoch; null where that does not say. It changes no verdict. */
async function standingNow({ chain, statement, entry }) {
  if (entry.kind !== INVOICE) return null;
  try {
    const newest = await chain.open(statement.epochs[statement.epochs.length - 1]);
    return newest && (await newest.standingOf(statement.issuerId, entry.claimAddress));
  } catch (error) {
    if (error instanceof NoAnswer) return null;
    throw error;
  }
}

function concluded({ steps, epoch, anchored, standing }, verdict) {
  const isOnChain = verdict === "genuine" && anchored !== undefined;
  const onChain = isOnChain ? { ...anchored, operator: epoch.operator, standing } : null;
  return { verdict, steps, onChain };
}

async function issuer(taken) {
  try {
    taken.statement = await openStatement(taken.backend, taken.evidence.issuer);
    return passed("issuer", "issuer.signed");
  } catch (error) {
    if (error instanceof BadStatement) return failed("issuer", "issuer.not_signed");
    throw error;
  }
}

async function pinned({ pin, statement }) {
  const facts = { issuer: toHex(statement.issuerId) }; // for the reader to compare
  if (pin === null) return open("pin", "pin.none", facts);
  return same(pin, statement.issuerId) ? passed("pin", "pin.same") : failed("pin", "pin.other", facts);
}

async function body(taken) {
  const { backend, evidence, statement } = taken;
  try {
    taken.entry = decodeEntry(evidence.entry);
  } catch (error) {
    if (error instanceof NotAnEntry) return failed("body", "body.no_entry");
    throw error;
  }
  const { kind, issuerId, bodyCommitment } = taken.entry;
  const isDocument = kind in DOCUMENTS && evidence.body.get("type") === DOCUMENTS[kind];
  if (!isDocument) return failed("body", "body.no_invoice");
  const named = evidence.body.get("issuer");
  const isTheirs = same(issuerId, statement.issuerId) && named === toHex(statement.issuerId);
  if (!isTheirs) return failed("body", "body.other_issuer");
  const holds = await commits(() => commitBody(backend, evidence.bodySalt, evidence.body), bodyCommitment);
  return holds ? passed("body", "body.same") : failed("body", "body.changed");
}

async function buyer({ backend, evidence, entry }) {
  if (evidence.buyer === null) return passed("buyer", entry.kind === INVOICE ? "buyer.erased" : "buyer.none");
  const isOfThis = evidence.buyer.get("invoice") === evidence.body.get("number");
  const commitment = () => commitBuyer(backend, evidence.buyerSalt, evidence.buyer);
  const holds = isOfThis && (await commits(commitment, entry.buyerCommitment));
  return holds ? passed("buyer", "buyer.same") : failed("buyer", "buyer.changed");
}

async function commits(commitment, expected) {
  try {
    return same(await commitment(), expected);
  } catch (error) {
    if (error instanceof NotCanonical) return false; // no document of ours, whatever its salt
    throw error;
  }
}

async function signature(taken) {
  const { backend, evidence, statement, entry, chain } = taken;
  const key = await signer(backend, evidence, statement);
  if (!key) return failed("signature", "signature.none");
  const { instantMs } = entry;
  if (instantMs < key.validFromMs) return failed("signature", "signature.too_early");
  if (key.revokedMs === null) return passed("signature", "signature.holds");
  if (instantMs >= key.revokedMs) return failed("signature", "signature.revoked");
  taken.revokedMs = key.revokedMs;
  if (chain === null) return open("signature", "signature.revoked_later");
  return passed("signature", "signature.holds");
}

async function signer(backend, { entry, signature: signed }, { keys }) {
  for (const key of keys) {
    if (key.use === "entry" && (await backend.verifyP256(key.raw, entry, signed))) return key;
  }
  return null;
}

async function inclusion(taken) {
  const { backend, evidence, statement, chain } = taken;
  if (evidence.index === null) return open("inclusion", "inclusion.waits");
  const opened = await headIn(backend, evidence.checkpoint, statement);
  if (!opened) return failed("inclusion", "inclusion.no_head");
  const { head, key } = opened;
  const leaf = await leafHash(backend, evidence.entry);
  const isThere = await includes(backend, leaf, evidence.index, head.size, evidence.inclusion, head.root);
  if (!isThere) return failed("inclusion", "inclusion.not_there");
  taken.head = head;
  if (key.revokedMs !== null && chain === null) return open("inclusion", "inclusion.revoked");
  const facts = { index: evidence.index.toString(), size: head.size.toString() };
  return passed("inclusion", "inclusion.there", facts);
}

async function headIn(backend, note, { keys, origin }) {
  for (const key of keys) {
    if (key.use !== "checkpoint") continue;
    try {
      return { head: await openNote(backend, note, origin, key.raw), key };
    } catch (error) {
      if (!(error instanceof BadCheckpoint)) throw error;
    }
  }
  return null;
}

async function anchoring(taken) {
  if (taken.chain === null) return null;
  if (taken.pin === null) return open("chain", "chain.no_pin");
  if (taken.evidence.index === null) return open("chain", "chain.waits");
  try {
    return await asked(taken);
  } catch (error) {
    if (error instanceof NoAnswer) return open("chain", "chain.no_answer");
    throw error;
  }
}

async function asked(taken) {
  const { chain, statement, head, revokedMs } = taken;
  let isThere = false;
  for (const epoch of statement.epochs) {
    const contract = await chain.open(epoch);
    if (!contract) continue;
    isThere = true;
    const anchored = await contract.anchoredAt(head.root);
    if (!anchored) continue;
    if (anchored.size !== head.size) return failed("chain", "chain.other_size");
    const isTooLate = revokedMs !== undefined && anchored.timeMs >= revokedMs;
    if (isTooLate) return open("chain", "chain.after_revocation");
    Object.assign(taken, { epoch, anchored });
    return passed("chain", "chain.there", { block: anchored.block.toString() });
  }
  return open("chain", isThere ? "chain.no_head" : "chain.another");
}
