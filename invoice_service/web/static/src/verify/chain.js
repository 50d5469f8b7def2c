// Step 7's questions to a chain, over JSON-RPC: which chain it is, and what a contract took for a head. The
// answers are only as good as the endpoint, which is why every sentence about them names it.

import { fromHex, same, toHex } from "./bytes.js";

// The first four bytes of Keccak-256 over the signatures in section 7; arguments follow, 32 bytes each.
const EPOCH_NONCE = "a4adcd7f";
const ANCHORED_AT = "67948f94";
const STATUS_OF = "e1682f11";
const STATES = ["free", "claimed", "locked", "credited"];
const WITHIN_MS = 10_000;
const MAX_ANSWER_CHARACTERS = 1_000_000; // a block 0 can be long, where a chain began with many accounts

/** The endpoint did not answer, not in time, or not what a chain answers. */
export class NoAnswer extends Error {}

/** The data of each call, in hex. */
export const calls = {
  epochNonce: () => EPOCH_NONCE,
  anchoredAt: (logId, root) => ANCHORED_AT + toHex(logId) + toHex(root),
  statusOf: (issuerId, claimAddress) => STATUS_OF + toHex(issuerId) + toHex(claimAddress).padStart(64, "0"),
};

/** A chain behind a JSON-RPC endpoint. Its methods throw NoAnswer. */
export class Chain {
  constructor(endpoint, fetcher = globalThis.fetch.bind(globalThis)) {
    this.endpoint = endpoint;
    this.fetcher = fetcher;
    this.asked = 0;
    this.opened = new Map();
  }

  /** The contract of an epoch of the statement, or null where it is not on this chain; found once. */
  async open(epoch) {
    const { nonce, genesisHash, contract, chainId } = epoch;
    const key = [chainId, ...[nonce, genesisHash, contract].map(toHex)].join(" ");
    if (!this.opened.has(key)) this.opened.set(key, await this.identify(epoch));
    return this.opened.get(key) ? new Contract(this, epoch) : null;
  }

  async identify(epoch) {
    const chainId = await this.ask("eth_chainId", []);
    if (!/^0x[0-9a-f]+$/i.test(chainId)) throw new NoAnswer("no chain id");
    const first = await this.ask("eth_getBlockByNumber", ["0x0", false]);
    const isIt = BigInt(chainId) === epoch.chainId && sameHex(first && first.hash, epoch.genesisHash);
    return isIt && same(await this.call(epoch.contract, calls.epochNonce()), epoch.nonce);
  }

  /** What a contract answers; nothing where there is none, or it refuses. */
  async call(contract, data) {
    const message = { to: `0x${toHex(contract)}`, data: `0x${data}` };
    const result = await this.ask("eth_call", [message, "latest"], true);
    return result === null ? new Uint8Array() : bytesOf(result);
  }

  async ask(method, params, mayRefuse = false) {
    this.asked += 1;
    const answer = await this.post({ jsonrpc: "2.0", id: this.asked, method, params });
    if (answer === null || typeof answer !== "object") throw new NoAnswer("no JSON-RPC");
    if (answer.result !== undefined && answer.result !== null) return answer.result;
    if (mayRefuse && answer.error && isRevert(answer.error)) return null;
    throw new NoAnswer("an error");
  }

  async post(question) {
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), WITHIN_MS);
    try {
      const response = await this.fetcher(this.endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(question),
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: stop.signal,
      });
      const text = await response.text();
      if (text.length > MAX_ANSWER_CHARACTERS) throw new NoAnswer("too long");
      return JSON.parse(text);
    } catch (error) {
      throw error instanceof NoAnswer ? error : new NoAnswer("no answer");
    } finally {
      clearTimeout(clock);
    }
  }
}

class Contract {
  constructor(chain, epoch) {
    this.chain = chain;
    this.epoch = epoch;
  }

  /** {size, timeMs, block} of a head that the contract took, or null. */
  async anchoredAt(root) {
    const words = await this.chain.call(this.epoch.contract, calls.anchoredAt(this.epoch.logId, root));
    const [size, seconds, block] = anchored(words);
    return size === 0n ? null : { size, timeMs: seconds * 1000n, block };
  }

  /** What became of an invoice; see `standing`. */
  async standingOf(issuerId, claimAddress) {
    return standing(await this.chain.call(this.epoch.contract, calls.statusOf(issuerId, claimAddress)));
  }
}

/** Three numbers of 32 bytes each. */
export function anchored(answer) {
  return numbers(answer, 3);
}

/** {state, notes, sinceMs}: free · claimed · locked · credited, how many credit notes, since when or null. */
export function standing(answer) {
  const [state, notes, seconds] = numbers(answer, 4);
  if (state >= BigInt(STATES.length)) throw new NoAnswer("no status");
  return { state: STATES[Number(state)], notes, sinceMs: seconds === 0n ? null : seconds * 1000n };
}

function numbers(answer, count) {
  if (answer.length !== 32 * count) throw new NoAnswer("another answer");
  const places = Array.from({ length: count }, (_, n) => 32 * n);
  return places.map((at) => BigInt(`0x${toHex(answer.subarray(at, at + 32))}`));
}

function bytesOf(text) {
  try {
    return fromHex(String(text).toLowerCase().replace(/^0x/, ""));
  } catch {
    throw new NoAnswer("no bytes");
  }
}

function sameHex(text, bytes) {
  return typeof text === "string" && same(bytesOf(text), bytes);
}

/** A contract that says no is an answer; an endpoint in trouble is none. */
function isRevert(error) {
  return error.code === 3 || /revert|invalid opcode/i.test(String(error.message));
}
