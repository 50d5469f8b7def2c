// The unified social credit code 统一社会信用代码 (GB 32100-2015), checked while it is typed.
// The server checks again; this only spares a shopper the round trip.

const ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"; // no I, O, S, V, Z
const LENGTH = 18;

export function clean(text) {
  return text.replace(/[\s-]/g, "").toUpperCase();
}

// The check character for the first 17: weights 3^i mod 31, then (31 − Σ mod 31) mod 31.
export function checkCharacter(first17) {
  let sum = 0;
  let weight = 1;
  for (const character of first17) {
    sum += ALPHABET.indexOf(character) * weight;
    weight = (weight * 3) % 31;
  }
  return ALPHABET[(31 - (sum % 31)) % 31];
}

// What is wrong with a cleaned code: "character", "short", "long", "check"; "" when nothing is.
export function problem(code) {
  if (foreignCharacter(code)) return "character";
  if (code.length < LENGTH) return "short";
  if (code.length > LENGTH) return "long";
  return checkCharacter(code.slice(0, 17)) === code[17] ? "" : "check";
}

export function foreignCharacter(code) {
  return [...code].find((character) => !ALPHABET.includes(character));
}

// In fours, as people read it out.
export function grouped(code) {
  return code.replace(/(.{4})(?=.)/g, "$1 ");
}
