// Read a QR code with the camera into the field that data-scan names. The form works without it.

import jsQR from "jsqr";

const SIDE = 480; // enough for a poster at arm's length, and little to look through
const EVERY_MS = 150;

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
  const text = await found(video);
  for (const track of video.srcObject.getTracks()) track.stop();
  video.hidden = true;
  start.hidden = false;
  field.value = field.tagName === "TEXTAREA" && field.value ? `${field.value}\n${text}` : text;
  said.textContent = text;
  field.form.querySelector("[type=submit]").focus();
}

function found(video) {
  const paper = document.createElement("canvas");
  const pen = paper.getContext("2d", { willReadFrequently: true });
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!video.videoWidth) return;
      const scale = Math.min(1, SIDE / Math.min(video.videoWidth, video.videoHeight));
      paper.width = Math.round(video.videoWidth * scale);
      paper.height = Math.round(video.videoHeight * scale);
      pen.drawImage(video, 0, 0, paper.width, paper.height);
      const pixels = pen.getImageData(0, 0, paper.width, paper.height);
      const code = jsQR(pixels.data, paper.width, paper.height, { inversionAttempts: "dontInvert" });
      if (!code || !code.data) return;
      clearInterval(timer);
      resolve(code.data);
    }, EVERY_MS);
  });
}

for (const box of document.querySelectorAll("[data-scan]")) {
  const start = box.querySelector("button");
  start.hidden = !navigator.mediaDevices;
  start.addEventListener("click", () => look(box, document.getElementById(box.dataset.scan)));
}
