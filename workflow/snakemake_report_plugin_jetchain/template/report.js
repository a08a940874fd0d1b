"use strict";
// Contents: open beside the text, closed above it on a phone.
const contents = document.getElementById("contents");
const beside = matchMedia("(min-width: 64rem)");
const settle = () => { contents.open = beside.matches; };
beside.addEventListener("change", settle);
settle();
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && !beside.matches) contents.open = false;
});

// The contents show where the reader is.
const entries = new Map([...contents.querySelectorAll("a")].map((a) => [a.hash.slice(1), a]));
const mark = () => {
  let here = "front";
  for (const id of entries.keys()) {
    if (document.getElementById(id).getBoundingClientRect().top < innerHeight / 3) here = id;
  }
  for (const [id, a] of entries) {
    if (id === here) a.setAttribute("aria-current", "true");
    else a.removeAttribute("aria-current");
  }
};
let marking = 0;
addEventListener("scroll", () => {
  cancelAnimationFrame(marking);
  marking = requestAnimationFrame(mark);
}, { passive: true });
mark();

// A link to something inside a closed part opens that part.
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const closed = target && target.closest("details:not([open])");
  if (closed) { closed.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
reveal();

// Figures, enlarged. A dialog that is modal keeps the focus, closes at Escape and gives it back.
const viewer = document.getElementById("viewer");
const picture = viewer.querySelector(".picture");
const fit = document.getElementById("fit");
const setFit = (on) => {
  picture.classList.toggle("fit", on);
  fit.textContent = on ? "Full size" : "Fit";
};
for (const button of document.querySelectorAll(".enlarge")) {
  button.addEventListener("click", () => {
    const small = button.querySelector("img"), large = viewer.querySelector("img");
    large.src = small.src;
    large.alt = small.alt;
    viewer.querySelector("strong").textContent = button.closest("figure").querySelector("h3").textContent;
    // On a phone the figure is as wide as the window already.
    setFit(innerWidth > 640);
    viewer.showModal();
  });
}
fit.addEventListener("click", () => setFit(!picture.classList.contains("fit")));
document.getElementById("close").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });

// Tables: search and sort.
for (const table of document.querySelectorAll(".searchable")) {
  const body = table.querySelector("tbody"), rows = [...body.rows];
  const shown = table.querySelector(".shown");
  table.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) count += 1;
    }
    shown.textContent = `${count} of ${rows.length} rows`;
  });
  const heads = [...table.querySelectorAll("th[aria-sort]")];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      return cell.dataset.number === undefined ? cell.textContent : Number(cell.dataset.number);
    };
    // Numbers before words, so that a column of both has an order.
    const compare = (a, b) => typeof a === typeof b
      ? (typeof a === "number" ? a - b : a.localeCompare(b))
      : (typeof a === "number" ? -1 : 1);
    rows.sort((a, b) => (down ? -1 : 1) * compare(key(a), key(b)));
    body.append(...rows);
  }));
}
