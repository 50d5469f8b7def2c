// A JSON parser that tells. JSON.parse turns 1.0 into 1, and takes the last of two members with one name, so
// it hides what has to be refused. Here objects are Maps (a member called __proto__ is only a name), whole
// numbers are BigInts, and every other number is a Float, which nothing that is hashed may hold.

import { fromUtf8 } from "./bytes.js";

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = new Map([
  ['"', '"'], ["\\", "\\"], ["/", "/"], ["b", "\b"], ["f", "\f"], ["n", "\n"], ["r", "\r"], ["t", "\t"],
]);
const MAX_DIGITS = 4300; // section 8; a number of more is no work that a stranger may ask for
const NAMES = [["true", true], ["false", false], ["null", null]];

export class NotJson extends Error {}

export class Float {
  constructor(text) {
    this.text = text;
  }
}

/** How deep brackets nest, strings apart: counted before anything recursive looks at the text. */
export function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c === "\\") i += 1;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "[" || c === "{") deepest = Math.max(deepest, (depth += 1));
    else if (c === "]" || c === "}") depth -= 1;
  }
  return deepest;
}

/** The value that `bytes` are the JSON text of. Throws NotJson. */
export function parse(bytes, { maxBytes, maxDepth }) {
  if (bytes.length > maxBytes) throw new NotJson("too long");
  let text;
  try {
    text = fromUtf8(bytes);
  } catch {
    throw new NotJson("not UTF-8");
  }
  if (depthOf(text) > maxDepth) throw new NotJson("too deep");
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  value() {
    this.space();
    const c = this.text[this.at];
    if (c === "{") return this.object();
    if (c === "[") return this.list();
    if (c === '"') return this.string();
    for (const [name, value] of NAMES) {
      if (this.text.startsWith(name, this.at)) {
        this.at += name.length;
        return value;
      }
    }
    return this.number();
  }

  end() {
    this.space();
    if (this.at !== this.text.length) throw new NotJson("more than one value");
  }

  object() {
    const members = new Map();
    this.at += 1;
    if (this.takes("}")) return members;
    do {
      this.space();
      if (this.text[this.at] !== '"') throw new NotJson("no name");
      const name = this.string();
      if (members.has(name)) throw new NotJson("a name twice");
      if (!this.takes(":")) throw new NotJson("no colon");
      members.set(name, this.value());
    } while (this.takes(","));
    if (!this.takes("}")) throw new NotJson("an object without end");
    return members;
  }

  list() {
    const values = [];
    this.at += 1;
    if (this.takes("]")) return values;
    do values.push(this.value());
    while (this.takes(","));
    if (!this.takes("]")) throw new NotJson("a list without end");
    return values;
  }

  string() {
    const parts = [];
    this.at += 1;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const [plain] = PLAIN.exec(this.text);
      parts.push(plain);
      this.at += plain.length;
      const c = this.text[this.at];
      this.at += 1;
      if (c === '"') return parts.join("");
      if (c !== "\\") throw new NotJson("a string without end, or a control character");
      parts.push(this.escape());
    }
  }

  escape() {
    const c = this.text[this.at];
    this.at += 1;
    if (c === "u") {
      const digits = this.text.slice(this.at, this.at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new NotJson("no escape");
      this.at += 4;
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (!ESCAPES.has(c)) throw new NotJson("no escape");
    return ESCAPES.get(c);
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (!found) throw new NotJson("no value");
    const [text, fraction, exponent] = found;
    this.at += text.length;
    if (fraction !== undefined || exponent !== undefined) return new Float(text);
    if (text.replace("-", "").length > MAX_DIGITS) throw new NotJson("too long a number");
    return BigInt(text);
  }

  /** Passes over white space and `c`; answers whether it stood there. */
  takes(c) {
    this.space();
    const there = this.text[this.at] === c;
    if (there) this.at += 1;
    return there;
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] || "x")) this.at += 1;
  }
}
