// Read a QR code with the camera into the field that data-scan names. The form works without it.

import { seen } from "./qr.js";

async function look(box, field) {
  const video = box.querySelector("video");
  const said = box.querySelector("[role=status]");
  const start = box.querySelector("button");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    said.textContent = box.dataset.denied;
    return;
  }
  start.hidden = true;
  video.hidden = false;
  await video.play();
  const text = await seen(video);
  for (const track of video.srcObject.getTracks()) track.stop();
  video.hidden = true;
  start.hidden = false;
  field.value = field.tagName === "TEXTAREA" && field.value ? `${field.value}\n${text}` : text;
  said.textContent = text;
  field.form.querySelector("[type=submit]").focus();
}

for (const box of document.querySelectorAll("[data-scan]")) {
  const start = box.querySelector("button");
  start.hidden = !navigator.mediaDevices;
  start.addEventListener("click", () => look(box, document.getElementById(box.dataset.scan)));
}
