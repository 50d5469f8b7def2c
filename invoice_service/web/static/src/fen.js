// Exact money in the page: integers of the smallest unit, never floats.

// "1.25" → {units: 125n, scale: 2}; null for what is not a plain decimal of at most 6 decimals.
export function decimal(text) {
  const match = /^\s*(\d{1,9})?(?:\.(\d{0,6}))?\s*$/.exec(text);
  if (!match || (!match[1] && !match[2])) return null;
  const fraction = match[2] || "";
  return { units: BigInt((match[1] || "0") + fraction), scale: fraction.length };
}

// price × quantity in fen, half up, as the server rounds each line.
export function lineFen(priceFen, quantity) {
  const product = BigInt(priceFen) * quantity.units;
  const unit = 10n ** BigInt(quantity.scale);
  return (2n * product + unit) / (2n * unit);
}

export function yuan(fen) {
  const digits = (fen < 0n ? -fen : fen).toString().padStart(3, "0");
  return (fen < 0n ? "-" : "") + digits.slice(0, -2) + "." + digits.slice(-2);
}

// Yuan as typed, in fen: "12.5" → 1250n; null for anything that is not an amount.
export function typedFen(text) {
  const plain = text.trim().replace(/^[¥￥]\s*/, "");
  const amount = decimal(/^\d{1,3}(,\d{3})+(\.|$)/.test(plain) ? plain.replaceAll(",", "") : plain);
  return amount && amount.scale <= 2 ? amount.units * 10n ** BigInt(2 - amount.scale) : null;
}
