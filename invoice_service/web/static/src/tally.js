// A keyed sale: the sum while typing, exactly as the server will make it, and what rounding lets go.

import { typedFen, yuan } from "./fen.js";
import { goodsFen, wireSteps } from "./forms.js";

export function keepTally(form) {
  const update = () => show(form);
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  wireSteps(form, update);
  update();
}

function show(form) {
  const sum = sumOf(form);
  const unit = BigInt(form.querySelector("[data-round]:checked")?.dataset.round || 1);
  const letGo = sum - sum % unit < 1n ? 0n : sum % unit;
  form.querySelector("[data-total]").textContent = yuan(sum - letGo);
  const note = form.querySelector("[data-let-go]");
  note.hidden = !letGo;
  note.textContent = note.dataset.letGo.replace("{amount}", "¥" + yuan(letGo));
}

function sumOf(form) {
  return (typedFen(form.querySelector("[data-amount]").value) ?? 0n) + goodsFen(form);
}
