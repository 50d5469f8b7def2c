// One card a file: a word, a sentence, what the invoice says if it is genuine, and the steps to unfold.
// Everything is set as text, and what a file says appears nowhere unless the verdict vouches for it.

import { say } from "./words.js";

const MARKS = {
  genuine: "check", altered: "cross", unknown: "question", undecided: "warning", unreadable: "cross",
  signed: "check", unsigned: "cross",
  passed: "check", failed: "cross", open: "question",
};
const SHANGHAI_MS = 8 * 3600 * 1000;

/** The card of a file while it waits, and of what `found` says of it afterwards. */
export function card(name, found) {
  const section = element("section", `verdict card-of-file verdict_${found.tone || found.verdict}`);
  section.append(element("p", "file-name", name), banner(found));
  const facts = factsOf(found);
  if (facts.length) section.append(list(facts));
  if (found.online) section.append(wayTo(found.online));
  if (found.steps) section.append(stepsOf(found));
  return section;
}

export function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A symbol of the page's own sprite. */
export function icon(name) {
  const symbols = document.getElementById("symbols").content;
  return symbols.querySelector(`[data-symbol="${name}"] > svg`).cloneNode(true);
}

function banner({ verdict, tone, sentence, facts }) {
  const row = element("div", "verdict__banner");
  const mark = element("span", "verdict__mark");
  mark.append(icon(MARKS[tone || verdict]));
  const words = element("div", "");
  words.append(element("h2", "verdict__word", say(`word.${verdict}`)));
  words.append(element("p", "verdict__sentence", say(sentence, facts)));
  if (facts && facts.endpoint) words.append(element("p", "verdict__sentence", say("as_told", facts)));
  row.append(mark, words);
  return row;
}

/** Where the same link is looked up, with all else that there is to know. */
function wayTo(address) {
  const row = element("p", "online");
  const way = element("a", "button", say("link.online"));
  way.href = address;
  row.append(way);
  return row;
}

/** [term, text] pairs of a genuine invoice, each checked for being what it should; or what a link says. */
function factsOf({ verdict, evidence, onChain, link }) {
  if (verdict === "signed") return linkFacts(link);
  if (verdict !== "genuine") return [];
  const { body, buyer } = evidence;
  const seller = body.get("seller");
  const facts = [
    ["number", grouped(textIn(body, "number"))],
    ["total", yuan(body.get("total_fen"))],
    ["issued", when(Date.parse(textIn(body, "issued_at")))],
    ["seller", textIn(seller, "name")],
    ...partiesOf(body, buyer),
  ];
  if (onChain) {
    facts.push(["existed", when(Number(onChain.timeMs))], ["operator", onChain.operator]);
    const { state, notes, sinceMs } = onChain.standing || {};
    if (state === "claimed") facts.push(["claimed", when(Number(sinceMs))]);
    if (notes) facts.push(["notes", String(notes)]);
  }
  return facts.filter(([, text]) => text);
}

/** A credit note has no buyer of its own, and names its invoice. */
function partiesOf(body, buyer) {
  if (body.get("type") !== "credit-note") {
    return [["buyer", buyer ? textIn(buyer, "name") : say("buyer_absent")]];
  }
  return [["document", say("document.4")], ["of_invoice", grouped(textIn(body.get("invoice"), "number"))]];
}

function linkFacts({ kind, number, totalFen, day }) {
  return [
    ["document", say(`document.${kind}`)],
    ["number", grouped(number)],
    ["total", yuan(totalFen)],
    ["issued", day],
  ];
}

function list(facts) {
  const rows = element("dl", "facts");
  for (const [term, text] of facts) {
    const row = element("div", "facts__row");
    row.append(element("dt", "", say(`fact.${term}`)), element("dd", "", text));
    rows.append(row);
  }
  return rows;
}

function stepsOf({ steps }) {
  const details = element("details", "steps-taken");
  details.append(element("summary", "", say("steps", { count: steps.length })));
  const rows = element("ol", "checks");
  for (const step of steps) {
    const row = element("li", `check check_${step.outcome}`);
    const mark = element("span", "check__mark");
    mark.append(icon(MARKS[step.outcome]));
    const words = element("div", "");
    const name = element("p", "check__name", `${say(`step.${step.name}`)} `);
    name.append(element("span", "check__outcome", say(`outcome.${step.outcome}`)));
    words.append(name, element("p", "check__detail", say(step.why, step.facts)));
    row.append(mark, words);
    rows.append(row);
  }
  details.append(rows);
  return details;
}

export const grouped = (text) => (text.match(/.{1,4}/g) || []).join(" ");

function textIn(document, name) {
  const found = document instanceof Map ? document.get(name) : null;
  return typeof found === "string" ? found : "";
}

function yuan(fen) {
  if (typeof fen !== "bigint") return "";
  return `¥${fen / 100n}.${String(fen % 100n).padStart(2, "0")}`;
}

/** Shanghai time to the minute, as the service writes it. */
function when(instantMs) {
  if (!Number.isFinite(instantMs)) return "";
  return new Date(instantMs + SHANGHAI_MS).toISOString().slice(0, 16).replace("T", " ");
}
