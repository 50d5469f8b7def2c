// From a file that somebody brings to the evidence in it. What is too large is refused before it is read.

import { MAX_BYTES, readEvidence, Unreadable } from "./evidence.js";
import { attachedEvidence, CannotUnpack, isPdf } from "./pdf.js";
import { NotPdf } from "./pdf_objects.js";

const MAX_PDF_BYTES = 20_000_000; // ours take a tenth of one; a scan of many pages is none of ours
const MAGIC_BYTES = 5;

/** {evidence, isPdf}, or {problem}: "unreadable" or "old_browser". */
export async function taken(file) {
  try {
    const carriesIt = isPdf(await bytesOf(file.slice(0, MAGIC_BYTES)));
    if (file.size > (carriesIt ? MAX_PDF_BYTES : MAX_BYTES)) return { problem: "unreadable" };
    const bytes = await bytesOf(file);
    return { evidence: readEvidence(carriesIt ? await attachedEvidence(bytes) : bytes), isPdf: carriesIt };
  } catch (error) {
    if (error instanceof CannotUnpack) return { problem: "old_browser" };
    const isTheirs = error instanceof Unreadable || error instanceof NotPdf;
    if (!isTheirs) console.warn(error); // a file that vanished, or a fault of ours: to readers it is the same
    return { problem: "unreadable" };
  }
}

async function bytesOf(blob) {
  return new Uint8Array(await blob.arrayBuffer());
}
