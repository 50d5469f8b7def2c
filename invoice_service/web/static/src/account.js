// Passkeys on the account pages: ask the server what to sign, the device to sign it, and send the answer as a form.

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  for (const part of document.querySelectorAll("[data-with-passkeys]")) part.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}

async function ask(form) {
  const button = form.querySelector("button");
  const problem = form.querySelector("[data-problem]");
  button.disabled = true;
  problem.textContent = "";
  try {
    const options = await optionsFor(form);
    if (!options) return;
    form.elements.credential.value = JSON.stringify(await signed(form.dataset.passkey, options));
    form.submit();
  } catch (error) {
    // Closing the device's window and letting it time out look the same, and neither is a fault.
    problem.textContent = error.told ?? problem.dataset[error.name === "InvalidStateError" ? "known" : "stopped"];
    button.disabled = false;
  }
}

async function optionsFor(form) {
  const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json" } });
  const content = await answer.json();
  if (answer.ok) return content;
  if (content.code !== "session.confirm_first") throw { told: content.title };
  location.assign(form.dataset.confirm);
}

async function signed(way, options) {
  options.challenge = bytes(options.challenge);
  for (const known of [...(options.excludeCredentials ?? []), ...(options.allowCredentials ?? [])]) known.id = bytes(known.id);
  if (way === "make") {
    options.user.id = bytes(options.user.id);
    return plain(await navigator.credentials.create({ publicKey: options }));
  }
  return plain(await navigator.credentials.get({ publicKey: options }));
}

const FIELDS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function plain(credential) {
  const response = {};
  for (const field of FIELDS) {
    if (credential.response[field]) response[field] = text(credential.response[field]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
}

const bytes = (base64url) =>
  Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
