// Canonical JSON, section 2: the bytes that documents are hashed as. There is one way to write a value.

import { same, utf8 } from "./bytes.js";
import { parse } from "./json.js";

const GREATEST = 2n ** 53n - 1n;
const MAX_DEPTH = 100;
const SHORT = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\" };
const LONE_SURROGATE = /\p{Surrogate}/u; // of a pair, the flag makes one character

export class NotCanonical extends Error {}

/** The canonical bytes of a value as `parse` gives it. Throws NotCanonical. */
export function encode(value) {
  return utf8(written(value, 0));
}

/** The value whose canonical bytes these are, and no others. Throws NotJson, NotCanonical. */
export function decode(bytes) {
  const value = parse(bytes, { maxBytes: Infinity, maxDepth: MAX_DEPTH });
  if (!same(encode(value), bytes)) throw new NotCanonical("another spelling");
  return value;
}

function written(value, depth) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return whole(value);
  if (typeof value === "string") return quoted(value);
  if (depth === MAX_DEPTH) throw new NotCanonical("too deep");
  if (Array.isArray(value)) return `[${value.map((inner) => written(inner, depth + 1)).join(",")}]`;
  if (value instanceof Map) return object(value, depth);
  throw new NotCanonical("a float, or no value at all");
}

function whole(value) {
  if (value > GREATEST || value < -GREATEST) throw new NotCanonical("too large a number");
  return value.toString();
}

function object(members, depth) {
  const names = [...members.keys()];
  for (const name of names) {
    if (/[^\u0000-\u007f]/.test(name)) throw new NotCanonical("a key that is not ASCII");
  }
  names.sort((one, other) => (one < other ? -1 : 1)); // of ASCII, UTF-16 units sort as bytes do
  return `{${names.map((name) => `${quoted(name)}:${written(members.get(name), depth + 1)}`).join(",")}}`;
}

function quoted(text) {
  if (LONE_SURROGATE.test(text)) throw new NotCanonical("a lone surrogate");
  const inside = text.replace(/["\\\u0000-\u001f]/g, escaped);
  return `"${inside}"`;
}

function escaped(c) {
  return SHORT[c] || `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
