// The browser's reader of PDFs on files, in Node: node pdfs.mjs BUNDLE FILE…
// Prints one JSON line a file: {"file", "found": SHA-256 of the attachment, or null where the PDF is refused}.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [bundle, ...files] = process.argv.slice(2);
const { attachedEvidence, isPdf, noble, NotPdf, toHex } = await import(pathToFileURL(bundle));

for (const file of files) {
  let found = null;
  try {
    const bytes = new Uint8Array(readFileSync(file));
    if (isPdf(bytes)) found = toHex(await noble.sha256(await attachedEvidence(bytes)));
  } catch (error) {
    if (!(error instanceof NotPdf)) throw error;
  }
  console.log(JSON.stringify({ file, found }));
}
