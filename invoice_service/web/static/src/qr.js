// What a camera sees of a QR code.

import jsQR from "jsqr";

const SIDE = 480; // enough for a poster at arm's length, and little to look through
const EVERY_MS = 150;
const PICTURE_SIDES = [1000, 500, 2000]; // a screenshot, one of a small screen, a photograph of a small code

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

/** The text of a code in an image file; "" where there is none, or it is no image. */
export async function inPicture(file) {
  const picture = new Image();
  picture.src = await dataUrl(file);
  try {
    await picture.decode();
  } catch {
    return "";
  }
  for (const side of PICTURE_SIDES) {
    const text = codeInPicture(picture, side);
    if (text) return text;
  }
  return "";
}

// Not a blob's address: the page's policy shows pictures of its own and those that carry themselves.
function dataUrl(file) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => resolve("data:,"));
    reader.readAsDataURL(file);
  });
}

function codeInPicture(picture, side) {
  const scale = Math.min(1, side / Math.max(picture.naturalWidth, picture.naturalHeight));
  const paper = document.createElement("canvas");
  paper.width = Math.max(1, Math.round(picture.naturalWidth * scale));
  paper.height = Math.max(1, Math.round(picture.naturalHeight * scale));
  const pen = paper.getContext("2d");
  pen.drawImage(picture, 0, 0, paper.width, paper.height);
  const pixels = pen.getImageData(0, 0, paper.width, paper.height);
  return jsQR(pixels.data, paper.width, paper.height)?.data ?? "";
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
