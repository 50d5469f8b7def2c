// The page itself: what people bring in, whom they trust, whom they ask, and the cards that come of it.

import { fromHex, Misspelt, same, toHex, utf8 } from "./bytes.js";
import { Chain } from "./chain.js";
import { present } from "./crypto.js";
import { verify } from "./evidence.js";
import { taken } from "./intake.js";
import { scanning } from "./camera.js";
import { parse } from "./json.js";
import { judgeLink, linkIn } from "./link.js";
import { card, grouped } from "./show.js";
import { openStatement } from "./statement.js";
import { learn, otherLanguage, say, speak } from "./words.js";

const MAX_FILES = 200;
const STATEMENT_LIMITS = { maxBytes: 256_000, maxDepth: 12 }; // as of evidence, which carries one, too
const find = (id) => document.getElementById(id);

// `turn` grows whenever somebody else is trusted or asked: what was found before that is found again.
const state = {
  files: [], pin: null, builtIn: null, statement: null, endpoint: "", chain: null, backend: null, turn: 0,
};

export async function begin() {
  const given = JSON.parse(find("given").textContent);
  state.builtIn = fromHex(given.issuer, 32);
  state.pin = state.builtIn;
  state.statement = given.statement;
  state.home = given.service;
  state.service = `${/^https?:$/.test(location.protocol) ? location.origin : given.service}/rpc`;
  learn(given.words);
  find("issuer-name").textContent = given.name;
  find("pin").value = given.issuer;
  find("fingerprint").textContent = grouped(given.issuer);
  find("download").hidden = location.protocol === "file:";
  listen();
  state.backend = await present();
  find("engine").textContent = state.backend.name;
}

function listen() {
  find("language").addEventListener("click", () => {
    speak(otherLanguage());
    draw();
  });
  find("files").addEventListener("change", ({ target }) => {
    take(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
  find("pin").addEventListener("change", changePin);
  find("endpoint").addEventListener("change", () => changeEndpoint(find("endpoint").value.trim()));
  find("ask-service").addEventListener("click", () => {
    find("endpoint").value = state.service;
    changeEndpoint(state.service);
  });
  listenToDrops();
  document.addEventListener("paste", pasted);
  find("link").addEventListener("change", takeTyped);
  find("check-link").addEventListener("click", takeTyped);
  scanning((text) => {
    const link = linkIn(text);
    if (link) takeLink(link);
    else showCode(text);
  });
}

function listenToDrops() {
  const box = find("drop");
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault(); // a file that misses the box must not open in place of the page
      box.classList.toggle("drop_over", name === "dragover");
      if (name === "drop") take(event.dataTransfer.files);
    });
  }
}

function pasted(event) {
  if (event.target instanceof HTMLInputElement) return;
  const { files } = event.clipboardData;
  const text = event.clipboardData.getData("text/plain");
  const link = linkIn(text);
  if (files.length) take(files);
  else if (link) takeLink(link);
  else if (text.trim()) take([new File([text], say("pasted"))]);
}

/** Verify one file after the other, each shown as soon as it is known. */
async function take(files) {
  const brought = Array.from(files).slice(0, MAX_FILES);
  find("code").hidden = true;
  for (const file of brought) await add({ name: file.name, ...(await taken(file)) });
  if (brought.length) find("results").focus();
}

/** A signed link, scanned, pasted or typed. */
async function takeLink(link) {
  find("code").hidden = true;
  await add({ link });
  find("results").focus();
}

function takeTyped() {
  const field = find("link");
  if (!field.value.trim()) return complain(field, "link-problem", null);
  const link = linkIn(field.value);
  complain(field, "link-problem", link ? null : "code_other");
  if (!link) return null;
  field.value = "";
  return takeLink(link);
}

async function add(entry) {
  await judge(entry);
  state.files.unshift(entry);
  state.files.length = Math.min(state.files.length, MAX_FILES);
  draw();
}

async function judge(entry) {
  let turn;
  do {
    turn = state.turn;
    entry.found = await judged(entry).catch(unforeseen);
  } while (turn !== state.turn);
}

/** A fault of ours decides nothing. */
function unforeseen(error) {
  console.error(error);
  return { verdict: "undecided", sentence: "undecided" };
}

async function judged({ evidence, problem, isPdf, link }) {
  if (problem) return { verdict: "unreadable", sentence: `problem.${problem}` };
  state.backend = state.backend || (await present());
  if (link) return judgedLink(link);
  const { backend, pin, chain, endpoint } = state;
  const found = await verify(evidence, { backend, pin, chain });
  const chainSpoke = found.steps.some(({ name, outcome }) => name === "chain" && outcome !== "open");
  const facts = chainSpoke ? { endpoint: new URL(endpoint).host } : {}; // its path may hold a key
  const isNote = found.verdict === "genuine" && evidence.body.get("type") === "credit-note";
  const isToBeRead = isNote || standingOf(found.onChain); // genuine, and not to be paid unread
  const sentence = isNote ? "genuine.credit_note" : sentenceOf(found, isPdf);
  return { ...found, evidence, tone: isToBeRead ? "undecided" : found.verdict, sentence, facts };
}

/** By the statement that the page carries. Whoever the reader trusts instead has no service that we know. */
async function judgedLink(link) {
  const { backend, pin, builtIn, home } = state;
  const signed = state.statement && parse(utf8(state.statement), STATEMENT_LIMITS);
  const statement = signed && (await openStatement(backend, signed));
  const { verdict, reason } = await judgeLink(link, { backend, pin, statement });
  const online = pin !== null && same(pin, builtIn) ? `${home}/v/${link.code}` : null;
  return { verdict, sentence: `link.${reason}`, link, online };
}

/** What became of a genuine invoice where there is more to say than that: the key of its sentence. */
function standingOf(onChain) {
  const standing = onChain && onChain.standing;
  if (!standing) return null;
  if (standing.state !== "free") return standing.state;
  return standing.notes > 0n ? "credited_in_part" : null;
}

/** Of a PDF, only what it carries was checked; and what is said of "this service" holds for its own root. */
function sentenceOf({ verdict, onChain }, isPdf) {
  const whose = state.pin && toHex(state.pin) !== toHex(state.builtIn) ? ".other" : "";
  if (verdict === "unknown") return `unknown${whose}`;
  if (verdict !== "genuine") return verdict;
  if (standingOf(onChain)) return `standing.${standingOf(onChain)}`;
  if (isPdf) return onChain ? "pdf.on_chain" : "pdf.in_log";
  return onChain ? `genuine.on_chain${whose}` : "genuine.in_log";
}

/** An empty field trusts nobody, which leaves every verdict undecided at best. */
function changePin() {
  const field = find("pin");
  const text = field.value.trim().toLowerCase().replace(/^0x|\s/g, "");
  try {
    state.pin = text ? fromHex(text, 32) : null;
  } catch (error) {
    if (!(error instanceof Misspelt)) throw error;
    return complain(field, "pin-problem", "bad_pin");
  }
  complain(field, "pin-problem", null);
  find("fingerprint").textContent = text ? grouped(text) : say("no_pin");
  find("built-in").hidden = text !== toHex(state.builtIn);
  return again();
}

function changeEndpoint(text) {
  const field = find("endpoint");
  if (text && !isAddress(text)) return complain(field, "endpoint-problem", "bad_endpoint");
  complain(field, "endpoint-problem", null);
  state.endpoint = text;
  state.chain = text ? new Chain(text) : null;
  return again();
}

function isAddress(text) {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

function complain(field, id, key) {
  find(id).textContent = key ? say(key) : "";
  if (key) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

async function again() {
  state.turn += 1;
  find("results").classList.add("results_stale");
  await Promise.all(state.files.map(judge));
  find("results").classList.remove("results_stale");
  draw();
}

function draw() {
  const unfolded = Array.from(document.querySelectorAll(".steps-taken"), (details) => details.open);
  find("results").replaceChildren(...state.files.map(({ name, found }) => card(name || say("link_name"), found)));
  if (unfolded.length !== state.files.length) return;
  document.querySelectorAll(".steps-taken").forEach((details, i) => {
    details.open = unfolded[i];
  });
}

/** A printed code only names an invoice: what it says is no evidence. */
function showCode(text) {
  const number = numberIn(text);
  find("code").textContent = number ? say("code", { number: grouped(number) }) : say("code_other");
  find("code").hidden = false;
}

function numberIn(text) {
  try {
    const address = new URL(text);
    const number = address.searchParams.get("number") || "";
    return address.pathname === "/verify" && /^\d{20}$/.test(number) ? number : null;
  } catch {
    return null;
  }
}
