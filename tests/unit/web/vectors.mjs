// The browser's verifier on tests/vectors, in Node: node vectors.mjs BUNDLE FOLDER noble|webcrypto
// Prints one JSON line a case: {"file", "name", "failure": null or why}.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [bundle, folder, which] = process.argv.slice(2);
const ledger = await import(pathToFileURL(bundle));
const backend = which === "noble" ? ledger.noble : await ledger.webCrypto(globalThis.crypto.subtle);
const { fromBase64, fromHex, toHex } = ledger;

// By the parser under test, so that a float stays one; `plain` makes what only steers a case easy to read.
const load = (name) => ledger.parse(readFileSync(join(folder, name)), { maxBytes: Infinity, maxDepth: 100 });
function plain(value) {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)]));
}
const text = (value) => new TextDecoder().decode(value);

function equal(found, expected, what = "") {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${what} ${one} instead of ${other}`);
}

async function refuses(attempt, kinds) {
  try {
    await attempt();
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return;
    throw error;
  }
  throw new Error("was not refused");
}

async function run(file, name, check) {
  let failure = null;
  try {
    await check();
  } catch (error) {
    failure = String(error.stack).slice(0, 600);
  }
  console.log(JSON.stringify({ file, name, failure }));
}

const suites = {
  canonical, keys, entry, documents, access, tree, proofs, tiles, checkpoint, statement, chain, evidence, log, link,
};

async function canonical(file, vectors) {
  for (const made of vectors.get("good")) {
    await run(file, made.get("name"), () => {
      equal(text(ledger.encode(made.get("value"))), made.get("canonical"));
      equal(text(ledger.encode(ledger.decode(ledger.utf8(made.get("canonical"))))), made.get("canonical"));
    });
  }
  for (const bad of plain(vectors.get("bad"))) {
    const read = () => ledger.decode(fromHex(bad.hex));
    await run(file, bad.name, () => refuses(read, [ledger.NotJson, ledger.NotCanonical]));
  }
}

async function keys(file, vectors) {
  const { keys: known, p256, issuer_id: issuerId, log_id: logId } = plain(vectors);
  for (const key of known) {
    await run(file, key.name, async () => {
      const der = fromBase64(key.public_key);
      equal(toHex(await backend.sha256(der)), key.id);
      equal(ledger.opened(der).kind, key.name === "checkpoint" ? "Ed25519" : "P-256");
    });
  }
  await run(file, "the log's id", async () => {
    const bytes = ledger.join(ledger.utf8("SLLOGID1"), fromHex(issuerId));
    equal(toHex(await backend.sha256(bytes)), logId);
  });
  const entryKey = fromBase64(known.find((key) => key.name === "entry").public_key);
  for (const made of p256) {
    await run(file, made.name, async () => {
      const [message, signature] = [made.message, made.signature].map((hex) => fromHex(hex));
      equal(await ledger.verifiesP256(backend, entryKey, message, signature), made.holds);
    });
  }
}

async function entry(file, vectors) {
  for (const made of plain(vectors.get("good"))) {
    await run(file, made.name, async () => {
      const bytes = fromHex(made.bytes);
      const found = ledger.decodeEntry(bytes);
      equal(found.kind, made.kind);
      equal(toHex(found.issuerId), made.issuer_id);
      equal(toHex(found.claimAddress), made.claim_address);
      equal(toHex(found.bodyCommitment), made.body_commitment);
      equal(toHex(found.buyerCommitment), made.buyer_commitment);
      equal(toHex(await ledger.leafHash(backend, bytes)), made.leaf);
    });
  }
  for (const made of vectors.get("good")) {
    const bytes = fromHex(made.get("bytes"));
    const instant = () => equal(`${ledger.decodeEntry(bytes).instantMs}`, `${made.get("instant_ms")}`);
    await run(file, `instant of ${made.get("name")}`, instant);
  }
  for (const bad of plain(vectors.get("bad"))) {
    const read = () => ledger.decodeEntry(fromHex(bad.bytes));
    await run(file, bad.name, () => refuses(read, [ledger.NotAnEntry]));
  }
}

async function documents(file, vectors) {
  for (const [name, made] of vectors) {
    if (name === "about") continue;
    await run(file, name, async () => {
      equal(text(ledger.encode(made.get("value"))), made.get("canonical"));
      const commit = name.startsWith("buyer") ? ledger.commitBuyer : ledger.commitBody;
      const commitment = await commit(backend, fromHex(made.get("salt")), made.get("value"));
      equal(toHex(commitment), made.get("commitment"));
    });
  }
}

async function access(file, vectors) {
  const records = vectors.get("records");
  const root = fromHex(vectors.get("root"));
  for (const [index, record] of records.entries()) {
    await run(file, `record ${index}`, async () => {
      const leaf = await ledger.leafHash(backend, ledger.encode(record.get("value")));
      equal(toHex(leaf), record.get("leaf"));
      const path = record.get("path").map((hash) => fromHex(hash));
      const size = BigInt(records.length);
      equal(await ledger.includes(backend, leaf, BigInt(index), size, path, root), true);
      equal(await ledger.includes(backend, leaf, (BigInt(index) + 1n) % size, size, path, root), false);
    });
  }
}

async function tree(file, vectors) {
  const { leaves, roots, empty_root: empty, inclusion, consistency } = plain(vectors);
  const hashes = await Promise.all(leaves.map((leaf) => ledger.leafHash(backend, fromHex(leaf))));
  const hexes = (path) => path.map((hash) => fromHex(hash));
  await run(file, "empty", async () => equal(toHex(await ledger.rootOf(backend, [])), empty));
  for (const [n, root] of roots.entries()) {
    await run(file, `root of ${n + 1}`, async () => {
      equal(toHex(await ledger.rootOf(backend, hashes.slice(0, n + 1))), root);
    });
  }
  for (const { index, size, path } of inclusion) {
    await run(file, `leaf ${index} of ${size}`, async () => {
      const root = fromHex(roots[size - 1]);
      const at = (i) =>
        ledger.includes(backend, hashes[index], BigInt(i), BigInt(size), hexes(path), root);
      equal(await at(index), true);
      if (size > 1) equal(await at(index ? 0 : 1), false);
      equal(await at(size), false);
    });
  }
  for (const { old, new: size, path } of consistency) {
    await run(file, `${old} to ${size}`, async () => {
      const [before, after] = [old, size].map((n) => fromHex(roots[n - 1]));
      const grew = (proof, one) =>
        ledger.isConsistent(backend, BigInt(old), BigInt(size), hexes(proof), one, after);
      equal(await grew(path, before), true);
      equal(await grew([...path, path[0] || roots[0]], before), false);
      if (old !== size) equal(await grew(path, after), false);
    });
  }
}

async function proofs(file, vectors) {
  const hexes = (path) => path.map((hash) => fromHex(hash));
  for (const { name, leaf, index, size, path, root, holds } of plain(vectors.get("inclusion"))) {
    await run(file, name, async () => {
      const place = [BigInt(index), BigInt(size)];
      equal(await ledger.includes(backend, fromHex(leaf), ...place, hexes(path), fromHex(root)), holds);
    });
  }
  for (const made of plain(vectors.get("consistency"))) {
    await run(file, made.name, async () => {
      const sizes = [made.old_size, made.new_size].map(BigInt);
      const roots = hexes([made.old_root, made.new_root]);
      equal(await ledger.isConsistent(backend, ...sizes, hexes(made.path), ...roots), made.holds);
    });
  }
}

/** Roots of a log of 70,000 leaves: by one back end, and only in Node, since hashing them takes a moment. */
async function tiles(file, vectors) {
  if (backend !== ledger.noble) return;
  const { size, roots } = plain(vectors);
  const named = (_, n) => ledger.leafHash(backend, ledger.utf8(`${n}`));
  const leaves = await Promise.all(Array.from({ length: Math.min(size, 513) }, named));
  for (const { size: n, root } of roots.filter((made) => made.size <= leaves.length)) {
    await run(file, `root of ${n}`, async () => {
      equal(toHex(await ledger.rootOf(backend, leaves.slice(0, n))), root);
    });
  }
}

async function checkpoint(file, vectors) {
  const { origin, key, key_hash: keyHash, good, bad } = plain(vectors);
  const { raw } = ledger.opened(fromBase64(key));
  const hashed = async () => equal(toHex(await ledger.hashOfKey(backend, origin, raw)), keyHash);
  await run(file, "key hash", hashed);
  for (const made of good) {
    await run(file, made.name, async () => {
      const head = await ledger.openNote(backend, made.note, origin, raw);
      equal([`${head.size}`, toHex(head.root)], [`${made.size}`, made.root]);
    });
  }
  for (const { name, note } of bad) {
    const read = () => ledger.openNote(backend, note, origin, raw);
    await run(file, name, () => refuses(read, [ledger.BadCheckpoint]));
  }
}

async function statement(file, vectors) {
  for (const made of vectors.get("good")) {
    await run(file, made.get("name"), async () => {
      const found = await ledger.openStatement(backend, made.get("signed"));
      equal(toHex(found.issuerId), made.get("issuer_id"));
    });
  }
  for (const bad of vectors.get("bad")) {
    const read = () => ledger.openStatement(backend, bad.get("signed"));
    await run(file, bad.get("name"), () => refuses(read, [ledger.BadStatement]));
  }
}

async function chain(file, vectors) {
  const logId = fromHex(load("keys.json").get("log_id"));
  const { size, root } = plain(load("checkpoint.json").get("good")[0]);
  const [nonce, anchored, , status] = plain(vectors.get("calls"));
  const { claim_address: claimAddress } = plain(load("entry.json").get("good")[1]);
  await run(file, nonce.name, () => equal(ledger.calls.epochNonce(), nonce.data));
  await run(file, anchored.name, () => {
    equal(ledger.calls.anchoredAt(logId, fromHex(root)), anchored.data);
    equal(Number(ledger.anchored(fromHex(anchored.result))[0]), size);
  });
  await run(file, status.name, async () => {
    const issuerId = fromHex(load("keys.json").get("issuer_id"));
    equal(ledger.calls.statusOf(issuerId, fromHex(claimAddress)), status.data);
    const { state, notes, sinceMs } = ledger.standing(fromHex(status.result));
    equal([state, Number(notes), Number(sinceMs)], ["claimed", 2, 1_795_406_400_000]);
    await refuses(() => ledger.standing(fromHex(`${"0".repeat(63)}4${status.result.slice(64)}`)), [ledger.NoAnswer]);
    await refuses(() => ledger.standing(fromHex(anchored.result)), [ledger.NoAnswer]); // three words
  });
}

async function evidence(file, vectors) {
  for (const made of vectors.get("cases")) {
    await run(file, made.get("name"), async () => {
      const document = edited(copied(vectors.get("files").get(made.get("file"))), made.get("edits"));
      const pin = made.get("pin") && fromHex(vectors.get("pins").get(made.get("pin")));
      const endpoint = made.get("chain") && plain(vectors.get("chains").get(made.get("chain")));
      const { verdict, step, told, ...spelled } = plain(made);
      equal(await verdictOf(bytesOf(document, spelled), pin, endpoint), { verdict, step, told });
    });
  }
  for (const { name, text: said } of plain(vectors.get("texts"))) {
    await run(file, name, () => refuses(() => ledger.readEvidence(ledger.utf8(said)), [ledger.Unreadable]));
  }
}

async function verdictOf(bytes, pin, endpoint) {
  let read;
  try {
    read = ledger.readEvidence(bytes);
  } catch (error) {
    if (error instanceof ledger.Unreadable) return { verdict: "unreadable", step: null, told: null };
    throw error;
  }
  const asked = endpoint && new ledger.Chain("endpoint", (_, question) => answered(endpoint, question));
  const { verdict, steps, onChain } = await ledger.verify(read, { backend, pin, chain: asked });
  const first = steps.find((step) => step.outcome !== "passed");
  return { verdict, step: first ? first.name : null, told: onChain && toldOf(onChain) };
}

function toldOf({ operator, block, timeMs, standing }) {
  const since = standing && standing.sinceMs;
  const time_ms = since && Number(since);
  const known = standing && { state: standing.state, notes: Number(standing.notes), time_ms };
  return { operator, block_number: Number(block), time_ms: Number(timeMs), standing: known };
}

/** A JSON-RPC endpoint as a vector describes it. */
async function answered(described, { body }) {
  if (!described.answers) throw new TypeError("no answer");
  const { id, method, params } = JSON.parse(body);
  const results = {
    eth_chainId: () => `0x${described.chain_id.toString(16)}`,
    eth_getBlockByNumber: () => ({ hash: `0x${described.genesis_hash}` }),
    eth_call: () => called(described.contracts[params[0].to.slice(2)], params[0].data.slice(2)),
  };
  const result = results[method]();
  const reverted = { code: 3, message: "execution reverted" };
  const told = result === null ? { error: reverted } : { result };
  return new Response(JSON.stringify({ jsonrpc: "2.0", id, ...told }));
}

/** In hex; null where the contract reverts. */
function called(contract, data) {
  if (!contract) return "0x";
  const { nonce, heads, statuses } = contract;
  if (data === ledger.calls.epochNonce()) return nonce && `0x${nonce}`;
  const isOf = (call, ...parts) => data === call(...parts.map((hex) => fromHex(hex)));
  if (data.startsWith(ledger.calls.anchoredAt([], []))) {
    const head = heads && heads.find((each) => isOf(ledger.calls.anchoredAt, each.log_id, each.root));
    return heads && words(head ? [head.size, head.time_ms / 1000, head.block_number] : [0, 0, 0]);
  }
  const { statusOf } = ledger.calls;
  const status = statuses && statuses.find((each) => isOf(statusOf, each.issuer_id, each.claim_address));
  if (!status) return statuses && words([0, 0, 0, 0]);
  return words([status.state, status.notes, status.time_ms / 1000, `0x${status.claimant}`]);
}

const words = (numbers) => `0x${numbers.map((n) => BigInt(n).toString(16).padStart(64, "0")).join("")}`;

async function log(file, vectors) {
  const { origin, key } = plain(load("checkpoint.json"));
  const { raw } = ledger.opened(fromBase64(key));
  for (const name of ["fork", "fork_at_one_size"]) {
    const { kept, seen, proof } = plain(vectors.get(name));
    await run(file, name, async () => {
      const [before, after] = await Promise.all(
        [kept, seen].map((note) => ledger.openNote(backend, note, origin, raw)),
      );
      const path = proof.path.map((hash) => fromHex(hash));
      const sizes = [before.size, after.size];
      const goesOnFrom = (root) => ledger.isConsistent(backend, ...sizes, path, root, after.root);
      equal([await goesOnFrom(fromHex(proof.old_root)), await goesOnFrom(before.root)], [true, false]);
      equal([...sizes.map(Number), toHex(after.root)], [proof.old_size, proof.new_size, proof.new_root]);
    });
  }
}

async function link(file, vectors) {
  for (const made of plain(vectors.get("good"))) {
    await run(file, made.name, () => {
      const { kind, number, day, totalFen, facts } = ledger.readLink(made.code);
      equal([kind, number, day, Number(totalFen)], [made.kind, made.number, made.day, made.total_fen]);
      equal(toHex(facts), made.facts);
      equal(toHex(ledger.join(ledger.utf8("SLLINK01"), fromHex(vectors.get("issuer_id")), facts)), made.message);
    });
  }
  for (const { name, code, ...made } of plain(vectors.get("cases"))) {
    await run(file, name, async () => {
      const signed = made.statement && vectors.get("statements").get(made.statement);
      const statement = signed && (await ledger.openStatement(backend, signed));
      const pin = made.pin && fromHex(vectors.get("pins").get(made.pin));
      const found = await ledger.judgeLink(ledger.readLink(code), { backend, pin, statement });
      equal([found.verdict, found.reason], [made.verdict, made.reason]);
    });
  }
  for (const { name, code } of plain(vectors.get("bad"))) {
    await run(file, name, () => refuses(() => ledger.readLink(code), [ledger.NotALink]));
  }
  for (const { text: scanned, code } of plain(vectors.get("scanned"))) {
    await run(file, scanned.slice(0, 60), () => equal(ledger.codeIn(scanned), code));
  }
}

function copied(value) {
  if (Array.isArray(value)) return value.map(copied);
  return value instanceof Map ? new Map([...value].map(([name, inner]) => [name, copied(inner)])) : value;
}

function edited(document, edits) {
  for (const edit of edits) {
    const path = edit.get("at").map((key) => (typeof key === "bigint" ? Number(key) : key));
    const last = path.pop();
    const target = path.reduce((inner, key) => (Array.isArray(inner) ? inner[key] : inner.get(key)), document);
    if (Array.isArray(target)) target.splice(last, 1, ...(edit.has("put") ? [edit.get("put")] : []));
    else if (edit.has("put")) target.set(last, edit.get("put"));
    else target.delete(last);
  }
  return document;
}

/** The file as it is on disk. */
function bytesOf(document, { replace, pad_to: length = 0 }) {
  const { this: mark, by_hex: by, times } = replace || { this: "", by_hex: "", times: 0 };
  const parts = mark ? written(document).split(mark) : [written(document), ""];
  equal(parts.length, 2, "marks");
  const [before, after] = parts.map(ledger.utf8);
  const bytes = ledger.join(before, fromHex(by.repeat(times)), after);
  const space = new Uint8Array(Math.max(0, length - bytes.length)).fill(0x20);
  return ledger.join(bytes, space);
}

/** JSON as `parse` reads it back, floats with their points. */
function written(value) {
  if (value instanceof ledger.Float) return value.text;
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (!(value instanceof Map)) return typeof value === "bigint" ? `${value}` : JSON.stringify(value);
  return `{${[...value].map(([name, inner]) => `${JSON.stringify(name)}:${written(inner)}`).join(",")}}`;
}

for (const [name, suite] of Object.entries(suites)) await suite(`${name}.json`, load(`${name}.json`));
