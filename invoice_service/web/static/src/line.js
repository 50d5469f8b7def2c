// A market's line comes and goes. What was seen stays, says as of when it is, and nothing that needs the
// line can be sent meanwhile: a button that would fail is worse than one that says why it waits.

const PROBE_MS = 3000;
let probe = 0;

export function watchLine() {
  const { body } = document;
  addEventListener("offline", lose);
  addEventListener("online", ask);
  for (const failure of ["htmx:sendError", "htmx:timeout"]) body.addEventListener(failure, lose);
  body.addEventListener("htmx:responseError", refused);
  body.addEventListener("htmx:beforeSwap", arrived);
  addEventListener("submit", hold, true);
  addEventListener("click", hold, true);
  if (!navigator.onLine) lose();
}

// A page that opens while nothing comes through would replace what is still worth reading.
function hold(event) {
  if (!("lost" in document.body.dataset)) return;
  const link = event.type === "click" && event.target.closest("a[href]");
  const leaves = link && !link.closest("[hx-boost]") && !link.getAttribute("href").startsWith("#");
  if (event.type === "submit" || leaves) {
    event.preventDefault();
    event.stopPropagation();
  }
}

function refused(event) {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status >= 500) lose();
  else if (requestConfig.boosted) location.assign(requestConfig.path); // the whole page says why not
  else if (xhr.status === 401) location.reload();
}

// Another page of ours may come instead (a sign-in): it brings scripts of its own, so it is opened whole.
function arrived(event) {
  const { xhr, boosted, serverResponse } = event.detail;
  if (xhr.status >= 400) return;
  const came = new URL(xhr.responseURL || location.href);
  if (boosted && !/^\/vendor(\/|$)/.test(came.pathname)) {
    event.detail.shouldSwap = false;
    location.assign(came);
    return;
  }
  regain();
  const asOf = !event.detail.shouldSwap && /data-as-of="([^"]*)"[^>]*>([^<]*)/.exec(serverResponse);
  const shown = asOf && document.querySelector("[data-as-of]");
  if (shown) [shown.dataset.asOf, shown.textContent] = [asOf[1], asOf[2]]; // looked again, nothing new
}

function lose() {
  if (probe) return;
  probe = setInterval(ask, PROBE_MS);
  document.body.dataset.lost = "";
  const bar = document.getElementById("lost");
  const asOf = document.querySelector("[data-as-of]");
  bar.querySelector("[data-when]").textContent = bar.dataset.text.replace("{time}", asOf.dataset.asOf);
  bar.hidden = false;
  for (const button of document.querySelectorAll("form[method=post] button:not(:disabled)")) {
    if (button.type === "submit") button.disabled = button.dataset.held = true;
  }
}

function regain() {
  if (!probe) return;
  clearInterval(probe);
  probe = 0;
  delete document.body.dataset.lost;
  document.getElementById("lost").hidden = true;
  for (const button of document.querySelectorAll("[data-held]")) {
    button.disabled = false;
    delete button.dataset.held;
  }
  document.querySelector("[data-live]")?.dispatchEvent(new Event("poll"));
}

async function ask() {
  try {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
    if (answer.status < 500) regain();
  } catch {
    // still lost: asked again soon
  }
}
