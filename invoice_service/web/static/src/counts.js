// Closing the day: what was counted beside what was recorded, and the difference while typing.

import { typedFen, yuan } from "./fen.js";

export function keepCounts(form) {
  const update = () => {
    for (const input of form.querySelectorAll("[data-recorded-fen]")) show(form, input);
  };
  form.addEventListener("input", update);
  update();
}

// A channel that paid back more than it brought came to less than nothing.
export function count(text) {
  const plain = text.trim();
  const amount = typedFen(plain.replace(/^[-−]/, ""));
  return amount !== null && /^[-−]/.test(plain) ? -amount : amount;
}

function show(form, input) {
  const counted = count(input.value);
  const apart = counted === null ? null : counted - BigInt(input.dataset.recordedFen);
  const state = apart === null ? "" : apart < 0n ? "less" : apart > 0n ? "more" : "none";
  const output = document.getElementById(input.dataset.apart);
  const amount = apart === null ? "" : yuan(apart < 0n ? -apart : apart);
  output.textContent = state ? form.dataset[state].replace("{amount}", "¥" + amount) : "";
  output.classList.remove("apart_less", "apart_more", "apart_none");
  if (state) output.classList.add("apart_" + state);
}
