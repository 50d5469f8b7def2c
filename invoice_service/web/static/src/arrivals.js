// Payments that arrive while the page is open: they slide in, and are said aloud once, politely.

const SHOWN_MS = 6000;
let known = new Set();

function rows() {
  return [...document.querySelectorAll("#today [data-arrival]")];
}

export function announce() {
  document.body.addEventListener("htmx:load", (event) => {
    const fresh = rows().filter((row) => !known.has(row.dataset.arrival));
    known = new Set(rows().map((row) => row.dataset.arrival));
    if (event.target.id !== "today" || !fresh.length) return; // the page itself has just come
    for (const row of fresh) {
      row.classList.add("arrival_new");
      setTimeout(() => row.classList.remove("arrival_new"), SHOWN_MS);
    }
    document.getElementById("told").textContent = fresh.map((row) => row.dataset.words).join(" ");
  });
}
