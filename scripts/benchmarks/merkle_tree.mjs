// @openzeppelin/merkle-tree on given entries: node merkle_tree.mjs PROOFS < one entry a line, in hex
// Prints the seconds of processor time for the tree, and for so many proofs, of which the last is checked.

import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const proofs = Number(process.argv[2]);
const entries = readFileSync(0, "utf8").trim().split("\n").map((hex) => [`0x${hex}`]);

function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const began = processorSeconds();
const tree = StandardMerkleTree.of(entries, ["bytes"]);
const built = processorSeconds();
let index, proof;
for (let n = 0; n < proofs; n++) {
  index = Math.floor((n * entries.length) / proofs);
  proof = tree.getProof(index);
}
const proven = processorSeconds();
if (!tree.verify(index, proof)) throw new Error("a proof does not hold");
console.log(JSON.stringify({ build_s: built - began, prove_s: proven - built }));
