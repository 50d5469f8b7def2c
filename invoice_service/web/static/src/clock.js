// Times on the order page, told by the server's clock: a phone's own may be minutes off.

const CHINA_MS = 8 * 3600 * 1000; // Asia/Shanghai has had no summer time since 1991

function two(number) {
  return String(number).padStart(2, "0");
}

function clockText(instantMs) {
  const local = new Date(instantMs + CHINA_MS);
  return [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(two).join(":");
}

function leftText(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return Math.floor(seconds / 60) + ":" + two(seconds % 60);
}

// How far the server's clock is ahead of this one, noted once for each element as it appears.
const offsets = new WeakMap();
function serverNow(element, stamp) {
  if (!offsets.has(element)) offsets.set(element, Date.parse(stamp) - Date.now());
  return Date.now() + offsets.get(element);
}

export function tick() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    clock.textContent = clockText(serverNow(clock, clock.dataset.clock));
  }
  for (const left of document.querySelectorAll("[data-until]")) {
    const remaining = Date.parse(left.dataset.until) - serverNow(left, left.dataset.now);
    left.textContent = left.dataset.text.replace("{time}", leftText(remaining));
  }
}
