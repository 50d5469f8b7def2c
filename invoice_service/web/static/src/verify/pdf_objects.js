// The syntax of PDF objects (ISO 32000-1, section 7.3), read at an offset in some bytes.

const SPACE = new Set([0, 9, 10, 12, 13, 32]);
const DELIMITERS = new Set(Array.from("()<>[]{}/%", (c) => c.charCodeAt(0)));
const MAX_DEPTH = 32;
const MAX_ITEMS = 100_000;
const ESCAPES = new Map([["n", 10], ["r", 13], ["t", 9], ["b", 8], ["f", 12]]);

export class NotPdf extends Error {}

export class Name {
  constructor(text) {
    this.text = text;
  }
}

export class Ref {
  constructor(number) {
    this.number = number;
  }
}

export class Lexer {
  constructor(bytes, at) {
    if (at > bytes.length) throw new NotPdf("beyond the end");
    this.bytes = bytes;
    this.at = at;
  }

  /** `n g obj …`: {number, value}; a stream's value is {dict, start}. */
  indirect() {
    const number = this.value();
    this.value();
    if (!Number.isSafeInteger(number) || !this.keyword("obj")) throw new NotPdf("no object");
    const value = this.value();
    if (!(value instanceof Map) || !this.keyword("stream")) return { number, value };
    if (this.bytes[this.at] === 13) this.at += 1;
    if (this.bytes[this.at] === 10) this.at += 1;
    return { number, value: { dict: value, start: this.at } };
  }

  /** The next value. Dictionaries are Maps, strings Uint8Arrays. */
  value(depth = 0) {
    if (depth > MAX_DEPTH) throw new NotPdf("nested too deep");
    this.space();
    const c = this.peek();
    if (c === "/") return this.name();
    if (c === "(") return this.literal();
    if (c === "[") return this.list(depth);
    if (c === "<") return this.peek(1) === "<" ? this.dictionary(depth) : this.hex();
    return this.wordOrNumber();
  }

  /** Passes over `word` where it stands next; answers whether it did. */
  keyword(word) {
    this.space();
    for (let i = 0; i < word.length; i += 1) if (this.peek(i) !== word[i]) return false;
    this.at += word.length;
    return true;
  }

  peek(ahead = 0) {
    const byte = this.bytes[this.at + ahead];
    return byte === undefined ? "" : String.fromCharCode(byte);
  }

  space() {
    for (;;) {
      if (SPACE.has(this.bytes[this.at])) this.at += 1;
      else if (this.peek() === "%") this.comment();
      else return;
    }
  }

  comment() {
    while (this.at < this.bytes.length && !"\r\n".includes(this.peek())) this.at += 1;
  }

  word() {
    const from = this.at;
    const isPart = (byte) => byte !== undefined && !SPACE.has(byte) && !DELIMITERS.has(byte);
    while (isPart(this.bytes[this.at])) this.at += 1;
    if (this.at - from > 1_000) throw new NotPdf("too long a word");
    return String.fromCharCode(...this.bytes.subarray(from, this.at));
  }

  name() {
    this.at += 1;
    const decoded = (_, hex) => String.fromCharCode(parseInt(hex, 16));
    return new Name(this.word().replace(/#([0-9a-fA-F]{2})/g, decoded));
  }

  wordOrNumber() {
    const word = this.word();
    if (word === "true" || word === "false") return word === "true";
    if (word === "null") return null;
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(word)) throw new NotPdf("no value");
    return /^\d+$/.test(word) && this.isReference() ? new Ref(Number(word)) : Number(word);
  }

  /** Whether ` g R` follows a number, which it then passes over. */
  isReference() {
    const ahead = String.fromCharCode(...this.bytes.subarray(this.at, this.at + 16));
    const found = /^\s+\d{1,5}\s+R(?![A-Za-z0-9])/.exec(ahead);
    if (found) this.at += found[0].length;
    return found !== null;
  }

  list(depth) {
    const items = [];
    this.at += 1;
    for (this.space(); this.peek() !== "]"; this.space()) {
      if (items.length === MAX_ITEMS) throw new NotPdf("too long a list");
      items.push(this.value(depth + 1));
    }
    this.at += 1;
    return items;
  }

  dictionary(depth) {
    const members = new Map();
    this.at += 2;
    for (this.space(); this.peek() !== ">"; this.space()) {
      if (this.peek() !== "/" || members.size === MAX_ITEMS) throw new NotPdf("no dictionary");
      const key = this.name().text;
      members.set(key, this.value(depth + 1));
    }
    if (this.peek(1) !== ">") throw new NotPdf("no dictionary");
    this.at += 2;
    return members;
  }

  hex() {
    this.at += 1;
    let digits = "";
    for (; this.peek() !== ">"; this.at += 1) {
      const c = this.peek();
      if (/^[0-9a-fA-F]$/.test(c)) digits += c;
      else if (!SPACE.has(this.bytes[this.at])) throw new NotPdf("no hex");
    }
    this.at += 1;
    const pairs = (digits.length % 2 ? `${digits}0` : digits).match(/../g) || [];
    return Uint8Array.from(pairs, (pair) => parseInt(pair, 16));
  }

  literal() {
    const bytes = [];
    let depth = 1;
    for (this.at += 1; ; this.at += 1) {
      const c = this.peek();
      if (c === "") throw new NotPdf("a string without end");
      if (c === "\\") bytes.push(...this.escape());
      else {
        if (c === "(") depth += 1;
        if (c === ")" && (depth -= 1) === 0) break;
        bytes.push(this.bytes[this.at]);
      }
    }
    this.at += 1;
    return Uint8Array.from(bytes);
  }

  /** What an escape stands for; it ends on its last byte. */
  escape() {
    this.at += 1;
    const c = this.peek();
    if (ESCAPES.has(c)) return [ESCAPES.get(c)];
    if (/[0-7]/.test(c)) {
      let digits = c;
      while (digits.length < 3 && /[0-7]/.test(this.peek(1))) digits += this.bytes[(this.at += 1)] - 48;
      return [parseInt(digits, 8) & 255];
    }
    if (c === "\r" && this.peek(1) === "\n") this.at += 1;
    return c === "\r" || c === "\n" ? [] : [this.bytes[this.at]];
  }
}
