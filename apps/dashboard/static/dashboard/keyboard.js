// Keys on lists of videos: j and k move, others act on the video in focus. ? shows them all.
"use strict";

let replaced = "";
const help = document.getElementById("keys-help");

function focused() {
  return document.activeElement.closest(".card");
}

// A card that is replaced keeps the focus.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const card = detail.target.closest(".card");
  if (card && card === focused()) replaced = card.id;
});
document.addEventListener("htmx:afterSettle", () => {
  if (replaced) document.getElementById(replaced)?.querySelector("h3 a, button")?.focus({ preventScroll: true });
  replaced = "";
});

function move(step) {
  const cards = [...document.querySelectorAll(".card")];
  const current = cards.indexOf(focused());
  const next = current < 0 ? cards.find((card) => card.getBoundingClientRect().bottom > 0) : cards[current + step];
  if (!next) return;
  next.querySelector("h3 a, button").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function press(selector) {
  focused()?.querySelector(selector)?.click();
}

function openVideo() {
  const link = focused()?.querySelector("h3 a");
  if (link) window.open(link.href, "_blank", "noopener");
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  o: openVideo,
  m: () => press("button[name=seen]"),
  s: () => press("button[name=starred]"),
  x: () => press("button[name=hidden]"),
  "/": () => document.getElementById("filter-search").focus(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in ACTIONS)) return;
  event.preventDefault();
  ACTIONS[event.key]();
});
