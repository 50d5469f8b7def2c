// Bytes and their spellings. Each has exactly one: what has two spellings lets a changed file look unchanged.

const HEX = /^(?:[0-9a-f]{2})*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export class Misspelt extends Error {}

/** Lower-case hex without prefix; of `length` bytes where one is given. Throws Misspelt. */
export function fromHex(text, length) {
  if (typeof text !== "string" || !HEX.test(text)) throw new Misspelt("no hex");
  if (length !== undefined && text.length !== 2 * length) throw new Misspelt("hex of another length");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The standard alphabet with padding and zero unused bits. Throws Misspelt. */
export function fromBase64(text) {
  if (typeof text !== "string" || !BASE64.test(text)) throw new Misspelt("no base64");
  const binary = atob(text);
  if (btoa(binary) !== text) throw new Misspelt("base64 with a bit that nothing reads");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function join(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function same(one, other) {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

/** Text of bytes, where they are UTF-8; a byte order mark stays, and so is no JSON. Throws TypeError. */
export function fromUtf8(bytes) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}
