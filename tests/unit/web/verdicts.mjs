// The browser's verdicts on files, in Node: node verdicts.mjs BUNDLE PIN < a JSON list of texts
// Prints the list of [verdict, [[step, outcome], …]].

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [bundle, pin] = process.argv.slice(2);
const { fromHex, noble, readEvidence, Unreadable, utf8, verify } = await import(pathToFileURL(bundle));
const verdicts = [];

for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const found = await verify(readEvidence(utf8(text)), { backend: noble, pin: fromHex(pin), chain: null });
    verdicts.push([found.verdict, found.steps.map(({ name, outcome }) => [name, outcome])]);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    verdicts.push(["unreadable", []]);
  }
}
console.log(JSON.stringify(verdicts));
