// What the vendor's pages add to the phone's: a line that may break, exact sums while typing.

import { keepCounts } from "./counts.js";
import { keepTally } from "./tally.js";
import { announce } from "./arrivals.js";
import { watchLine } from "./line.js";

const HELPERS = [
  ["form[data-tally]", keepTally],
  ["form[data-counts]", keepCounts],
];

function help(part) {
  for (const [selector, start] of HELPERS) {
    for (const element of part.querySelectorAll(selector)) start(element);
    if (part.matches(selector)) start(part);
  }
}

// htmx says so of the page at first and of each part that it swaps in later.
document.body.addEventListener("htmx:load", (event) => help(event.target));
watchLine();
announce();
