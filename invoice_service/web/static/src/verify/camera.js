// The camera, where the page may use it: on disk and over plain HTTP most browsers keep it to themselves.

import { seen } from "../qr.js";
import { say } from "./words.js";

const find = (id) => document.getElementById(id);

/** Wire the button; `told` hears the text of each code. */
export function scanning(told) {
  const start = find("scan");
  start.hidden = !navigator.mediaDevices;
  start.addEventListener("click", () => (find("video").srcObject ? stop() : look(told)));
}

async function look(told) {
  const video = find("video");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    find("code").textContent = say("camera_denied");
    find("code").hidden = false;
    return;
  }
  video.hidden = false;
  await video.play();
  const text = await seen(video);
  stop();
  if (text !== null) told(text);
}

function stop() {
  const video = find("video");
  if (video.srcObject) for (const track of video.srcObject.getTracks()) track.stop();
  video.srcObject = null;
  video.hidden = true;
}
