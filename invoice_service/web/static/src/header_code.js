// The buyer header 抬头 as WeChat and Alipay show it in a QR code; domain/header_code.py tells of it, and
// reads the same. Here it is read on the phone: address, telephone, bank and account go no further.

const CHARACTERS_MAX = 2000;
const SEPARATOR = "</>";
const POLYNOMIAL = 0x8005;

/** {name, taxId}, the latter empty for a person; or {problem}: "not_one", "unreadable", "crc". */
export function readHeader(code) {
  const found = code.length <= CHARACTERS_MAX && /^\$01([A-Za-z0-9+/]*)={0,2}\$$/.exec(code.replace(/\s/g, ""));
  if (!found) return { problem: "not_one" };
  if (found[1].length % 4 === 1) return { problem: "unreadable" };
  const bytes = Uint8Array.from(atob(found[1]), (character) => character.charCodeAt(0));
  let problem = "unreadable";
  for (const encoding of ["utf-8", "gb18030"]) {
    const text = decoded(bytes, encoding);
    const parts = text === null ? [] : text.split(SEPARATOR);
    const crc = parts[parts.length - 1];
    if (parts.length !== 5 || !/^[0-9A-Fa-f]{1,4}$/.test(crc)) continue;
    if (fits(text.slice(0, -crc.length), parseInt(crc, 16))) return { name: parts[0].trim(), taxId: parts[1].trim() };
    problem = "crc";
  }
  return { problem };
}

function decoded(bytes, encoding) {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function fits(text, crc) {
  return crc === crc16(gbk(text)) || crc === crc16(new TextEncoder().encode(text));
}

export function crc16(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? POLYNOMIAL : 0);
    crc &= 0xffff;
  }
  return crc;
}

let codes; // of the characters that GBK writes with two bytes
// No characters, characters of nobody's, and those that came with GB 18030, as did the row of 0xfe.
const NOT_IN_GBK = /[\ufffd\ue000-\uf8ff\u20ac\ufe10-\ufe19\u1e3f\u01f9\u303e\u2ff0-\u2ffb]/;

// Browsers only read GBK. What it lacks becomes a question mark.
function gbk(text) {
  codes ??= gbkCodes();
  const bytes = [];
  for (const character of text) {
    const code = character < "\x80" ? character.charCodeAt(0) : (codes.get(character) ?? 0x3f);
    if (code > 0xff) bytes.push(code >> 8);
    bytes.push(code & 0xff);
  }
  return bytes;
}

function gbkCodes() {
  const decoder = new TextDecoder("gbk");
  const found = new Map();
  for (let first = 0x81; first < 0xfe; first++) {
    for (let second = 0x40; second < 0xff; second++) {
      const character = decoder.decode(Uint8Array.of(first, second));
      const isNew = character.length === 1 && !NOT_IN_GBK.test(character) && !found.has(character);
      if (isNew) found.set(character, (first << 8) | second);
    }
  }
  return found;
}
