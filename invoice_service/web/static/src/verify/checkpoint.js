// A log's signed head as a C2SP signed note, section 7. A note has one spelling, to its last line end.

import { fromBase64, join, Misspelt, same, utf8 } from "./bytes.js";

const ED25519 = 1;
const HASH_BYTES = 32;
const KEY_HASH_BYTES = 4;
const NOTE = /^([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n\n((?:\u2014 [^ \n]+ [^\n]+\n)+)$/;

export class BadCheckpoint extends Error {}

/** {size, root} of a note that the raw Ed25519 key signed in the log's name. Throws BadCheckpoint. */
export async function openNote(backend, note, origin, key) {
  const found = NOTE.exec(note);
  if (!found) throw new BadCheckpoint("no signed note");
  const [, name, size, root, lines] = found;
  if (name !== origin) throw new BadCheckpoint("another origin");
  const head = { size: BigInt(size), root: decoded(root) };
  if (head.root.length !== HASH_BYTES) throw new BadCheckpoint("a root of another length");
  const signed = utf8(note.slice(0, note.indexOf("\n\n") + 1));
  const keyHash = await hashOfKey(backend, origin, key);
  for (const [by, signature] of signaturesIn(lines)) {
    const isOurs = by === origin && same(signature.subarray(0, KEY_HASH_BYTES), keyHash);
    if (isOurs && (await backend.verifyEd25519(key, signed, signature.subarray(KEY_HASH_BYTES)))) return head;
  }
  throw new BadCheckpoint("not signed");
}

export async function hashOfKey(backend, name, key) {
  const hash = await backend.sha256(join(utf8(name), Uint8Array.of(0x0a, ED25519), key));
  return hash.subarray(0, KEY_HASH_BYTES);
}

/** Every line is read before any is believed: one that is no signature makes it no note. */
function signaturesIn(lines) {
  return lines.slice(0, -1).split("\n").map((line) => {
    const [, name, text] = line.split(" ");
    return [name, decoded(text)];
  });
}

function decoded(text) {
  try {
    return fromBase64(text);
  } catch (error) {
    if (error instanceof Misspelt) throw new BadCheckpoint(error.message);
    throw error;
  }
}
