// A live part replaces itself when the server says `change`. Where events do not come through
// (a proxy that buffers, a server with all its streams taken), it asks every few seconds instead.
//
// A part that stays live for hours stands inside the element that holds the stream, so that renewing it keeps
// the stream. One that waits for an end (an order, an invoice) holds its stream itself, which then goes with it.

import htmx from "htmx.org";

const UNHEARD_MS = 3000; // no event stream: ask this often
const HEARD_MS = 15000; // an open stream may still be silent because something holds it back

const openStreams = new WeakSet();
let askedAt = Date.now();

function versionIn(html) {
  const match = /data-version="([^"]*)"/.exec(html);
  return match && match[1];
}

export function watch() {
  document.body.addEventListener("htmx:sseOpen", (event) => {
    openStreams.add(event.target);
    ask(0); // what changed between the page and its stream was told to nobody
  });
  document.body.addEventListener("htmx:sseError", (event) => openStreams.delete(event.target));
  // An answer that brings nothing new is dropped: it would close what the reader has unfolded.
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const shown = event.detail.target.dataset.version;
    if (shown !== undefined && versionIn(event.detail.serverResponse) === shown) {
      event.detail.shouldSwap = false;
    }
  });
  document.addEventListener("visibilitychange", () => document.hidden || ask(0));
  setInterval(() => document.hidden || ask(), 1000);
}

function ask(pause) {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const due = pause ?? (openStreams.has(part.closest("[sse-connect]")) ? HEARD_MS : UNHEARD_MS);
  if (Date.now() - askedAt < due) return;
  askedAt = Date.now();
  htmx.trigger(part, "poll");
}
