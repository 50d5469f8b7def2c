// What a camera sees of a QR code.

import jsQR from "jsqr";

const SIDE = 480; // enough for a poster at arm's length, and little to look through
const EVERY_MS = 150;

/** The text of the first code in front of a playing video; null once it stops without one. */
export function seen(video) {
  const paper = document.createElement("canvas");
  const pen = paper.getContext("2d", { willReadFrequently: true });
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const hasEnded = !video.srcObject;
      const text = hasEnded ? null : codeIn(video, paper, pen);
      if (!hasEnded && !text) return;
      clearInterval(timer);
      resolve(text);
    }, EVERY_MS);
  });
}

function codeIn(video, paper, pen) {
  if (!video.videoWidth) return "";
  const scale = Math.min(1, SIDE / Math.min(video.videoWidth, video.videoHeight));
  paper.width = Math.round(video.videoWidth * scale);
  paper.height = Math.round(video.videoHeight * scale);
  pen.drawImage(video, 0, 0, paper.width, paper.height);
  const pixels = pen.getImageData(0, 0, paper.width, paper.height);
  const code = jsQR(pixels.data, paper.width, paper.height, { inversionAttempts: "dontInvert" });
  return code ? code.data : "";
}
