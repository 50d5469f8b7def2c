// Buyer headers that a shopper asked this phone to remember. They stay in the browser's own store: no cookie
// and no request carries them, and the server does not know that there are any.

const PLACE = "buyer-headers";
const MOST = 8;

/** [{kind, name, taxId}], the last used first; what cannot be read counts as nothing. */
export function kept(store) {
  try {
    const found = JSON.parse(store.getItem(PLACE) ?? "[]");
    return Array.isArray(found) ? found.filter(isHeader).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function keep(store, header) {
  write(store, [header, ...without(store, header)].slice(0, MOST));
}

export function forget(store, header) {
  write(store, without(store, header));
}

function without(store, header) {
  return kept(store).filter((other) => !["kind", "name", "taxId"].every((part) => other[part] === header[part]));
}

function write(store, headers) {
  if (headers.length) store.setItem(PLACE, JSON.stringify(headers));
  else store.removeItem(PLACE);
}

function isHeader(value) {
  const isWhole = ["name", "taxId"].every((part) => typeof value?.[part] === "string");
  return isWhole && ["individual", "organization"].includes(value.kind);
}
