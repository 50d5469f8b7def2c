// The verifier as one library: what the page is built on, and what the vectors are run against.

export * from "./bytes.js";
export * from "./canonical.js";
export * from "./chain.js";
export * from "./checkpoint.js";
export * from "./crypto.js";
export * from "./entry.js";
export * from "./evidence.js";
export * from "./json.js";
export * from "./keys.js";
export * from "./link.js";
export * from "./statement.js";
export * from "./tree.js";
export * from "./pdf.js";
export { NotPdf } from "./pdf_objects.js";
