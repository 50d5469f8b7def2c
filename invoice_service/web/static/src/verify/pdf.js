// The one attachment named evidence.json of a PDF, and nothing else of it: a reader of the few objects that
// lead there (ISO 32000: cross-references, object streams, the name tree of embedded files).
//
// A stranger's file decides every number in here, so each is bounded: how often it is followed, how deep it
// nests, how much it unpacks to.

import { Lexer, Name, NotPdf, Ref } from "./pdf_objects.js";

const ATTACHMENT = "evidence.json";
const TAIL = 2_048; // within which ISO 32000 wants the last startxref
const MAX_SECTIONS = 64; // of cross-references: one for each time the file was signed or added to
const MAX_OBJECTS = 100_000;
const MAX_UNPACKED_BYTES = 8_000_000;
const MAX_NODES = 1_000; // of the name tree
const MAX_ATTACHMENT_BYTES = 256_000; // section 8

export const isPdf = (bytes) => String.fromCharCode(...bytes.subarray(0, 5)) === "%PDF-";

/** This browser is too old to unpack what is in a PDF. */
export class CannotUnpack extends Error {}

/** The bytes of the attachment. Throws NotPdf, CannotUnpack. */
export async function attachedEvidence(bytes) {
  if (typeof DecompressionStream === "undefined") throw new CannotUnpack();
  try {
    const document = new Document(bytes);
    await document.open();
    return await document.attachment();
  } catch (error) {
    throw error instanceof RangeError ? new NotPdf("nested too deep") : error;
  }
}

class Document {
  constructor(bytes) {
    this.bytes = bytes;
    this.places = new Map(); // by object number: an offset in the file, or {stream, index}
    this.packed = new Map(); // object streams already unpacked
    this.unpacked = 0;
    this.trailer = null;
  }

  async open() {
    const seen = new Set();
    const due = [this.startOfXref()];
    while (due.length) {
      const at = due.shift();
      if (seen.has(at)) continue;
      if (seen.size === MAX_SECTIONS) throw new NotPdf("too many sections");
      seen.add(at);
      const trailer = await this.section(at);
      if (!this.trailer) this.trailer = trailer;
      for (const key of ["XRefStm", "Prev"]) if (trailer.has(key)) due.push(whole(trailer.get(key)));
    }
    if (this.trailer.has("Encrypt")) throw new NotPdf("encrypted");
  }

  startOfXref() {
    const from = Math.max(0, this.bytes.length - TAIL);
    const tail = Array.from(this.bytes.subarray(from), (byte) => String.fromCharCode(byte)).join("");
    const found = /startxref\s+(\d{1,10})\s+%%EOF\s*$/.exec(tail);
    if (!found) throw new NotPdf("no startxref");
    return Number(found[1]);
  }

  /** Reads one section of cross-references, whose earlier-read places go before its own; its trailer. */
  async section(at) {
    const lexer = new Lexer(this.bytes, at);
    if (lexer.keyword("xref")) return this.table(lexer);
    const stream = lexer.indirect().value;
    const isOne = stream && stream.dict && nameIn(stream.dict, "Type") === "XRef";
    if (!isOne) throw new NotPdf("no cross-references");
    this.entries(stream.dict, await this.unpack(stream));
    return stream.dict;
  }

  table(lexer) {
    while (!lexer.keyword("trailer")) {
      const [first, count] = [whole(lexer.value()), whole(lexer.value())];
      if (count > MAX_OBJECTS) throw new NotPdf("too many objects");
      for (let i = 0; i < count; i += 1) {
        const offset = whole(lexer.value());
        lexer.value();
        const isUsed = lexer.keyword("n");
        if (!isUsed && !lexer.keyword("f")) throw new NotPdf("no entry");
        this.place(first + i, isUsed ? offset : null);
      }
    }
    return dictOf(lexer.value());
  }

  entries(dict, data) {
    const widths = listOf(dict.get("W")).map(whole);
    const length = widths.reduce((sum, width) => sum + width, 0);
    if (widths.length !== 3 || length < 1 || widths.some((width) => width > 6)) throw new NotPdf("no widths");
    const ranges = dict.has("Index") ? listOf(dict.get("Index")).map(whole) : [0, whole(dict.get("Size"))];
    let at = 0;
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      for (let n = 0; n < ranges[i + 1] && at + length <= data.length; n += 1, at += length) {
        this.entry(ranges[i] + n, fields(data, at, widths));
      }
    }
  }

  entry(number, [type, second, third]) {
    if (type === 1) this.place(number, second);
    else this.place(number, type === 2 ? { stream: second, index: third } : null);
  }

  place(number, where) {
    if (this.places.size >= MAX_OBJECTS) throw new NotPdf("too many objects");
    if (!this.places.has(number)) this.places.set(number, where);
  }

  /** What a value stands for: itself, or the object that it refers to. */
  async resolve(value, hops = 8) {
    if (!(value instanceof Ref)) return value;
    if (hops === 0) throw new NotPdf("a circle");
    const where = this.places.get(value.number);
    if (where === undefined || where === null) return null;
    if (typeof where === "object") return this.resolve(await this.inStream(where, value.number), hops - 1);
    const found = new Lexer(this.bytes, where).indirect();
    if (found.number !== value.number) throw new NotPdf("another object");
    return this.resolve(found.value, hops - 1);
  }

  async inStream({ stream: number, index }, wanted) {
    if (!this.packed.has(number)) this.packed.set(number, await this.objectStream(number));
    const { data, first, numbers } = this.packed.get(number);
    if (numbers[2 * index] !== wanted) throw new NotPdf("another object");
    return new Lexer(data, first + numbers[2 * index + 1]).value();
  }

  async objectStream(number) {
    const at = this.places.get(number);
    if (typeof at !== "number") throw new NotPdf("no object stream");
    const stream = new Lexer(this.bytes, at).indirect().value;
    if (!(stream && stream.dict)) throw new NotPdf("no object stream");
    const data = await this.unpack(stream);
    const count = whole(stream.dict.get("N"));
    if (count > MAX_OBJECTS) throw new NotPdf("too many objects");
    const lexer = new Lexer(data, 0);
    const numbers = Array.from({ length: 2 * count }, () => whole(lexer.value()));
    return { data, first: whole(stream.dict.get("First")), numbers };
  }

  async unpack({ dict, start }) {
    const length = whole(await this.resolve(dict.get("Length")));
    const packed = this.bytes.subarray(start, start + length);
    const filter = [await this.resolve(dict.get("Filter"))].flat().filter((name) => name);
    if (filter.length === 0) return packed;
    if (filter.length > 1 || !(filter[0] instanceof Name) || filter[0].text !== "FlateDecode") {
      throw new NotPdf("another filter");
    }
    const data = await this.inflate(packed);
    const how = [await this.resolve(dict.get("DecodeParms"))].flat()[0];
    return how instanceof Map ? unpredicted(data, how) : data;
  }

  async inflate(packed) {
    const source = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    const parts = [];
    try {
      for (let next = await source.read(); !next.done; next = await source.read()) {
        this.unpacked += next.value.length;
        if (this.unpacked > MAX_UNPACKED_BYTES) throw new NotPdf("it unpacks to too much");
        parts.push(next.value);
      }
    } catch (error) {
      await source.cancel().catch(() => undefined);
      throw error instanceof NotPdf ? error : new NotPdf("not deflated");
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  async attachment() {
    const root = dictOf(await this.resolve(this.trailer.get("Root")));
    const names = dictOf(await this.resolve(root.get("Names")));
    const found = await this.named(names.get("EmbeddedFiles"));
    if (found.length !== 1) throw new NotPdf("not one attachment of that name");
    const files = dictOf(await this.resolve(found[0].get("EF")));
    const stream = await this.resolve(files.get("UF") || files.get("F"));
    if (!(stream && stream.dict)) throw new NotPdf("no embedded file");
    const data = await this.unpack(stream);
    if (data.length > MAX_ATTACHMENT_BYTES) throw new NotPdf("too long");
    return data;
  }

  /** The file specifications of our name: by their key in the name tree, or by their own. */
  async named(tree) {
    const found = [];
    const due = [tree];
    for (let visited = 0; due.length; visited += 1) {
      if (visited === MAX_NODES) throw new NotPdf("too large a tree");
      const node = dictOf(await this.resolve(due.pop()));
      for (const kid of listOf((await this.resolve(node.get("Kids"))) || [])) due.push(kid);
      const pairs = listOf((await this.resolve(node.get("Names"))) || []);
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const file = dictOf(await this.resolve(pairs[i + 1]));
        const names = [pairs[i], file.get("UF"), file.get("F")];
        const texts = await Promise.all(names.map(async (name) => textOf(await this.resolve(name))));
        if (texts.includes(ATTACHMENT)) found.push(file);
      }
    }
    return found;
  }
}

function fields(data, at, widths) {
  return widths.map((width, field) => {
    const start = at + widths.slice(0, field).reduce((sum, other) => sum + other, 0);
    if (width === 0) return field === 0 ? 1 : 0;
    return data.subarray(start, start + width).reduce((value, byte) => value * 256 + byte, 0);
  });
}

/** PNG's predictors, which cross-reference streams use: every row begins with its own. */
function unpredicted(data, how) {
  const predictor = whole(how.get("Predictor") ?? 1);
  if (predictor === 1) return data;
  const columns = whole(how.get("Columns") ?? 1);
  const isBytes = whole(how.get("Colors") ?? 1) === 1 && whole(how.get("BitsPerComponent") ?? 8) === 8;
  if (predictor < 10 || !isBytes || columns < 1 || columns > 4_096) throw new NotPdf("another predictor");
  const rows = Math.floor(data.length / (columns + 1));
  const plain = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const kind = data[row * (columns + 1)];
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      const left = column ? plain[at - 1] : 0;
      const up = row ? plain[at - columns] : 0;
      const corner = row && column ? plain[at - columns - 1] : 0;
      plain[at] = data[row * (columns + 1) + 1 + column] + predicted(kind, left, up, corner);
    }
  }
  return plain;
}

function predicted(kind, left, up, corner) {
  if (kind === 0) return 0;
  if (kind === 1) return left;
  if (kind === 2) return up;
  if (kind === 3) return (left + up) >> 1;
  if (kind !== 4) throw new NotPdf("another predictor");
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) => Math.abs(left + up - corner - value));
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function whole(value) {
  if (!Number.isSafeInteger(value) || value < 0) throw new NotPdf("no number");
  return value;
}

function dictOf(value) {
  if (!(value instanceof Map)) throw new NotPdf("no dictionary");
  return value;
}

function listOf(value) {
  if (!Array.isArray(value)) throw new NotPdf("no list");
  return value;
}

function nameIn(dict, key) {
  const found = dict.get(key);
  return found instanceof Name ? found.text : null;
}

/** A text string: UTF-16 where it begins with its mark; else bytes, of which ours are all ASCII. */
function textOf(value) {
  if (!(value instanceof Uint8Array)) return null;
  if (value[0] === 0xfe && value[1] === 0xff) return new TextDecoder("utf-16be").decode(value);
  return Array.from(value, (byte) => String.fromCharCode(byte)).join("");
}
