// The phone's reader of buyer headers, in Node: node header_codes.mjs READER KEEPER, codes as JSON on its input.
// Prints what it read of each, and what a phone remembers of a few headers.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [reader, keeper] = await Promise.all(process.argv.slice(2).map((file) => import(pathToFileURL(file))));
const codes = JSON.parse(readFileSync(0, "utf-8"));

const held = new Map();
const store = {
  getItem: (name) => held.get(name) ?? null,
  setItem: (name, value) => held.set(name, value),
  removeItem: (name) => held.delete(name),
};
const header = (n) => ({ kind: "organization", name: `公司${n}`, taxId: String(n) });
const remembered = { nothing: keeper.kept(store) };
for (let n = 0; n < 10; n++) keeper.keep(store, header(n));
keeper.keep(store, header(5));
remembered.latest = keeper.kept(store).map(({ taxId }) => taxId);
for (const one of keeper.kept(store)) keeper.forget(store, one);
remembered.forgotten = [...held.keys()];
remembered.broken = ["{", "null", "7", '[null, {"kind": "x", "name": "", "taxId": ""}]'].map((text) => {
  held.set("buyer-headers", text);
  return keeper.kept(store);
});
console.log(JSON.stringify({ read: codes.map(reader.readHeader), remembered }));
