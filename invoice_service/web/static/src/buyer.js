// The buyer's fields, filled from what this phone remembers. What reads codes is loaded once it is asked for.

import { forget, keep, kept } from "./headers_kept.js";
import { clean, problem } from "./uscc.js";

/** Fill a form's buyer as if it had been typed. */
export function fill(form, { kind, name, taxId }) {
  form.querySelector(`[name=kind][value=${kind}]`).click();
  for (const [field, value] of [["name", name], ["tax_id", taxId]]) {
    const input = form.querySelector(`[name=${field}]`);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Load the reader of codes the first time that its part is opened: most headers are typed or remembered. */
export function loadReader(details) {
  const load = () => {
    if (!details.open || !details.dataset.headerReader) return;
    const script = document.createElement("script");
    script.src = details.dataset.headerReader;
    details.dataset.headerReader = "";
    document.head.append(script);
  };
  details.addEventListener("toggle", load);
  load(); // it is open already where its code was refused
}

export function rememberHeaders(form) {
  const store = storeOfPhone();
  if (!store) return;
  const box = form.querySelector("[data-remember]");
  box.hidden = false;
  list(form, store);
  form.addEventListener("submit", () => {
    const header = typed(form);
    if (box.querySelector("input").checked && isWhole(header)) keep(store, header);
  });
}

// The list of remembered headers: a tap fills the form, another one forgets.
function list(form, store) {
  const place = form.querySelector("[data-kept]");
  const pattern = place.querySelector("template");
  const headers = kept(store);
  place.hidden = !headers.length;
  for (const row of place.querySelectorAll("li")) row.remove();
  for (const header of headers) {
    const row = pattern.content.cloneNode(true);
    row.querySelector("[data-name]").textContent = header.name;
    row.querySelector("[data-tax-id]").textContent = header.taxId;
    row.querySelector("[data-pick]").addEventListener("click", () => fill(form, header));
    row.querySelector("[data-forget]").addEventListener("click", () => {
      forget(store, header);
      list(form, store);
    });
    place.querySelector("ul").append(row);
  }
}

function typed(form) {
  const kind = form.querySelector("[name=kind]:checked").value;
  const taxId = kind === "organization" ? clean(form.querySelector("[name=tax_id]").value) : "";
  return { kind, name: form.querySelector("[name=name]").value.trim(), taxId };
}

function isWhole({ kind, name, taxId }) {
  return name !== "" && (kind !== "organization" || problem(taxId) === "");
}

// Some browsers keep it from pages, or from private windows.
function storeOfPhone() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
