// The Merkle tree of RFC 9162, section 6. Sizes and indexes are BigInts: a log may outgrow 2^53.

import { join, same } from "./bytes.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export class FalseProof extends Error {}

export const leafHash = (backend, entry) => backend.sha256(join(LEAF, entry));

const node = (backend, left, right) => backend.sha256(join(NODE, left, right));

/** The root over leaf hashes. */
export async function rootOf(backend, leaves) {
  if (leaves.length === 0) return backend.sha256(new Uint8Array());
  let level = leaves;
  while (level.length > 1) {
    const next = [];
    for (let i = 0; i + 1 < level.length; i += 2) next.push(await node(backend, level[i], level[i + 1]));
    if (level.length % 2) next.push(level[level.length - 1]);
    level = next;
  }
  return level[0];
}

/** Whether `path` leads from the leaf at `index` to `root` of a tree of `size` leaves. */
export async function includes(backend, leaf, index, size, path, root) {
  if (index >= size) return false;
  try {
    return same(await rootFrom(backend, leaf, index, size, path), root);
  } catch (error) {
    if (error instanceof FalseProof) return false;
    throw error;
  }
}

/** Whether a tree of `newSize` leaves begins with the one of `oldSize`. */
export async function isConsistent(backend, oldSize, newSize, path, oldRoot, newRoot) {
  if (oldSize <= 0n || oldSize > newSize) return false;
  try {
    const [older, newer] = await roots(backend, oldSize, newSize, path, oldRoot);
    return same(older, oldRoot) && same(newer, newRoot);
  } catch (error) {
    if (error instanceof FalseProof) return false;
    throw error;
  }
}

async function rootFrom(backend, leaf, index, size, path) {
  if (size === 1n) {
    if (path.length) throw new FalseProof("a path too long");
    return leaf;
  }
  const [rest, last, half] = step(path, size);
  if (index < half) return node(backend, await rootFrom(backend, leaf, index, half, rest), last);
  return node(backend, last, await rootFrom(backend, leaf, index - half, size - half, rest));
}

async function roots(backend, oldSize, newSize, path, known) {
  if (oldSize === newSize) {
    const hashes = known ? [known, ...path] : path;
    if (hashes.length !== 1) throw new FalseProof("not one hash");
    return [hashes[0], hashes[0]];
  }
  const [rest, last, half] = step(path, newSize);
  if (oldSize <= half) {
    const [older, newer] = await roots(backend, oldSize, half, rest, known);
    return [older, await node(backend, newer, last)];
  }
  const [older, newer] = await roots(backend, oldSize - half, newSize - half, rest, null);
  return [await node(backend, last, older), await node(backend, last, newer)];
}

function step(path, size) {
  if (!path.length) throw new FalseProof("a path too short");
  return [path.slice(0, -1), path[path.length - 1], 1n << BigInt((size - 1n).toString(2).length - 1)];
}
