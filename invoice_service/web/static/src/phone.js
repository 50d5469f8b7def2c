// Everything the pages run: htmx with server-sent events, and our few lines.

import htmx from "htmx.org";
import "htmx-ext-sse";
import { loadReader, rememberHeaders } from "./buyer.js";
import { tick } from "./clock.js";
import { checkCode, chooseBuyer, offerCopy, sendOnce, sumChosen, totalGoods } from "./forms.js";
import { watch } from "./live.js";

const HELPERS = [
  ["form[data-once]", sendOnce],
  ["form[data-goods]", totalGoods],
  ["form[data-sum]", sumChosen],
  ["form[data-buyer]", chooseBuyer],
  ["form[data-buyer]", rememberHeaders],
  ["[data-header-reader]", loadReader],
  ["[data-uscc]", checkCode],
  ["[data-copy]", offerCopy],
];

// htmx calls this with the page at first and with each part that it swaps in later.
htmx.onLoad((part) => {
  for (const [selector, help] of HELPERS) {
    for (const element of part.querySelectorAll(selector)) help(element);
  }
  tick();
});

// A page come back to with the browser's "back" may send its forms again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sentAt;
});

watch();
setInterval(tick, 250); // a clock that is never a second late
document.querySelector("[data-focus]")?.focus();
