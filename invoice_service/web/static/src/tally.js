// A keyed sale: the sum while typing, exactly as the server will make it, and what rounding lets go.

import { decimal, lineFen, typedFen, yuan } from "./fen.js";
import { stepped } from "./forms.js";

export function keepTally(form) {
  const update = () => show(form);
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  for (const button of form.querySelectorAll("[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const input = button.parentElement.querySelector("input");
      input.value = stepped(input.value, Number(button.dataset.step));
      update();
    });
  }
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
  let fen = typedFen(form.querySelector("[data-amount]").value) ?? 0n;
  for (const input of form.querySelectorAll("[data-price-fen]")) {
    const quantity = decimal(input.value);
    if (quantity) fen += lineFen(input.dataset.priceFen, quantity);
    input.classList.toggle("stepper__input_set", Boolean(quantity && quantity.units));
  }
  return fen;
}
