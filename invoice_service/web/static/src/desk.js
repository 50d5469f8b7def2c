// What the desks run: htmx with server-sent events, clocks, and forms that are sent once.

import htmx from "htmx.org";
import "htmx-ext-sse";
import { tick } from "./clock.js";
import { offerCopy, sendOnce } from "./forms.js";
import { watch } from "./live.js";

const HELPERS = [
  ["form[data-once]", sendOnce],
  ["[data-copy]", offerCopy],
];

htmx.onLoad((part) => {
  for (const [selector, help] of HELPERS) {
    for (const element of part.querySelectorAll(selector)) help(element);
  }
  tick();
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sentAt;
});

// A page that is open for days outlives its session: it then shows the door instead of old figures.
document.body.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});

// A live part that nobody could renew for a while says so by itself.
function age() {
  for (const part of document.querySelectorAll("[data-fresh-for]")) {
    const seen = Number(part.dataset.seenAt || (part.dataset.seenAt = Date.now()));
    part.toggleAttribute("data-old", Date.now() - seen > Number(part.dataset.freshFor) * 1000);
  }
}
document.body.addEventListener("htmx:afterRequest", (event) => {
  const part = event.detail.successful && event.detail.target;
  if (part && part.dataset && part.dataset.freshFor) part.dataset.seenAt = Date.now();
});

watch();
setInterval(tick, 250);
setInterval(age, 1000);
document.querySelector("[data-focus]")?.focus();
// On a phone the navigation is a strip wider than the screen: show where one is.
document.querySelector(".desk-nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
