// What typing and tapping add to forms that already work without any script.

import { decimal, lineFen, yuan } from "./fen.js";
import { clean, foreignCharacter, grouped, problem } from "./uscc.js";

const RESEND_MS = 8000; // a second tap within this is a slip, not a wish

export function sendOnce(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sentAt && Date.now() - Number(form.dataset.sentAt) < RESEND_MS) event.preventDefault();
    else form.dataset.sentAt = String(Date.now());
  });
}

export function totalGoods(form) {
  const output = form.querySelector("[data-total]");
  form.querySelector("[data-total-line]").hidden = false;
  const update = () => (output.lastChild.textContent = yuan(goodsFen(form)));
  form.addEventListener("input", update);
  wireSteps(form, update);
  update();
}

// The buttons beside a quantity work on it, and then `update` is called.
export function wireSteps(form, update) {
  for (const button of form.querySelectorAll("[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const input = button.parentElement.querySelector("input");
      input.value = stepped(input.value, Number(button.dataset.step));
      update();
    });
  }
}

// What the typed quantities come to at their prices.
export function goodsFen(form) {
  let fen = 0n;
  for (const input of form.querySelectorAll("[data-price-fen]")) {
    const quantity = decimal(input.value);
    if (quantity) fen += lineFen(input.dataset.priceFen, quantity);
    input.classList.toggle("stepper__input_set", Boolean(quantity && quantity.units));
  }
  return fen;
}

// What the ticked boxes of a form come to.
export function sumChosen(form) {
  const output = form.querySelector("[data-total]");
  const update = () => {
    let fen = 0n;
    for (const box of form.querySelectorAll("[data-fen]:checked")) fen += BigInt(box.dataset.fen);
    output.lastChild.textContent = yuan(fen);
  };
  form.addEventListener("change", update);
  update(); // a page come back to keeps its ticks
}

// One more or less of a quantity as typed, its decimals kept: "1.5" → "2.5"; never below nothing.
function stepped(text, step) {
  const now = decimal(text) ?? { units: 0n, scale: 0 };
  const units = now.units + BigInt(step) * 10n ** BigInt(now.scale);
  if (units <= 0n) return "";
  const digits = units.toString().padStart(now.scale + 1, "0");
  return now.scale ? digits.slice(0, -now.scale) + "." + digits.slice(-now.scale) : digits;
}

export function checkCode(input) {
  const state = document.getElementById(input.dataset.uscc);
  const update = () => {
    const code = clean(input.value);
    const fault = code && problem(code);
    const shown = code ? grouped(code) + " · " : "";
    const words = input.dataset[fault === "long" ? "short" : fault || "right"];
    state.textContent = code
      ? shown + words.replace("{count}", code.length).replace("{character}", foreignCharacter(code))
      : "";
    state.dataset.state = !code || fault === "short" ? "" : fault ? "bad" : "good";
  };
  input.addEventListener("input", update);
  if (!input.hasAttribute("aria-invalid")) update(); // the server has just said what is wrong
}

// The credit code of a company is not sent along for a person.
export function chooseBuyer(form) {
  const code = form.querySelector("[name=tax_id]");
  const update = () => {
    code.disabled = form.querySelector("[name=kind]:checked").value !== "organization";
  };
  form.addEventListener("change", update);
  update();
}

export function offerCopy(button) {
  button.hidden = !navigator.clipboard;
  const words = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = words), 2000);
  });
}
