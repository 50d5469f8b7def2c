// What a document must look like before anything in it is believed.

export class Misshapen extends Error {}

/** The members of an object that has these and no others, as a plain object. Throws Misshapen. */
export function membersOf(value, names) {
  if (!(value instanceof Map)) throw new Misshapen("no object");
  if (value.size !== names.length || !names.every((name) => value.has(name))) {
    throw new Misshapen("a member less, or more");
  }
  return Object.fromEntries(names.map((name) => [name, value.get(name)]));
}
