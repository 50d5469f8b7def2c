// A buyer header's code, by the camera, from a picture, or pasted: read here, and only what an invoice shows
// goes into the form.

import { fill } from "./buyer.js";
import { readHeader } from "./header_code.js";
import { inPicture, seen } from "./qr.js";

for (const part of document.querySelectorAll("[data-header]")) wire(part);

function wire(part) {
  const pasted = part.querySelector("[name=header_code]");
  pasted.addEventListener("input", () => pasted.value.trim() && take(part, pasted.value));
  const picture = part.querySelector("[type=file]");
  picture.closest("[hidden]").hidden = false;
  picture.addEventListener("change", async () => {
    if (!picture.files[0]) return;
    const text = await inPicture(picture.files[0]);
    picture.value = "";
    if (text) take(part, text);
    else say(part, part.dataset.noCode, "bad");
  });
  const start = part.querySelector("[data-camera]");
  start.hidden = !navigator.mediaDevices;
  start.addEventListener("click", () => look(part, part.querySelector("video")));
}

async function look(part, video) {
  if (video.srcObject) return stop(video);
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    say(part, part.dataset.denied, "bad");
    return;
  }
  video.hidden = false;
  await video.play();
  const text = await seen(video);
  stop(video);
  if (text !== null) take(part, text);
}

function stop(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  video.hidden = true;
}

// What was pasted and understood is taken out again, so that it is not sent along.
function take(part, text) {
  const { problem, name, taxId } = readHeader(text);
  if (problem) {
    say(part, part.dataset[{ not_one: "notOne", unreadable: "unreadable", crc: "crc" }[problem]], "bad");
    return;
  }
  part.querySelector("[name=header_code]").value = "";
  fill(part.closest("form"), { kind: taxId ? "organization" : "individual", name, taxId });
  say(part, part.dataset.taken, "good");
}

function say(part, words, state) {
  const said = part.querySelector("[role=status]");
  said.textContent = words;
  said.dataset.state = state;
}
