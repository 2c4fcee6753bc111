// Charts can be read without this script: each has a table. It shows the values of the place under the pointer, or of
// the one chosen with the arrow keys, and keeps tables open while a page refreshes.
"use strict";

const tip = document.createElement("div");
tip.className = "tip";
tip.setAttribute("role", "status");
tip.hidden = true;
const stripe = document.createElement("div");
stripe.className = "tip-stripe";
stripe.hidden = true;
document.body.append(stripe, tip);

let shown = null; // the plot and the number of the place

function rowsOf(plot) {
  return plot.closest(".chart").querySelectorAll("tbody tr");
}

function show(plot, number) {
  const rows = rowsOf(plot);
  const place = Math.max(0, Math.min(rows.length - 1, number));
  shown = { plot, place };
  const [name, ...values] = rows[place].children;
  const lines = values.map((cell) => `${cell.textContent} ${cell.dataset.label}`);
  tip.replaceChildren(...[name.textContent, ...lines].map((line) => {
    const element = document.createElement("div");
    element.textContent = line;
    return element;
  }));
  tip.hidden = stripe.hidden = false;
  const area = plot.querySelector("svg").getBoundingClientRect();
  const width = area.width / rows.length;
  const left = area.left + width * place;
  const wanted = left + width / 2 - tip.offsetWidth / 2;
  const right = document.documentElement.clientWidth - tip.offsetWidth - 4;
  tip.style.left = `${Math.max(4, Math.min(right, wanted)) + scrollX}px`;
  tip.style.top = `${area.top - tip.offsetHeight - 6 + scrollY}px`;
  stripe.style.left = `${left + scrollX}px`;
  stripe.style.top = `${area.top + scrollY}px`;
  stripe.style.width = `${width}px`;
  stripe.style.height = `${area.height}px`;
}

function hide() {
  shown = null;
  tip.hidden = stripe.hidden = true;
}

function follow(event) {
  const plot = event.target.closest?.(".plot");
  if (!plot) return event.pointerType === "touch" || shown?.plot !== document.activeElement ? hide() : undefined;
  const area = plot.querySelector("svg").getBoundingClientRect();
  show(plot, Math.floor(((event.clientX - area.left) / area.width) * rowsOf(plot).length));
}

document.addEventListener("pointermove", follow);
document.addEventListener("pointerdown", follow);

document.addEventListener("focusin", (event) => {
  if (event.target.matches(".plot:focus-visible")) show(event.target, rowsOf(event.target).length - 1);
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches(".plot")) hide();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
  if (!event.target.matches(".plot") || event.altKey || event.ctrlKey || event.metaKey) return;
  const last = rowsOf(event.target).length - 1;
  const place = shown?.plot === event.target ? shown.place : last;
  const chosen = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: last }[event.key];
  if (chosen === undefined) return;
  event.preventDefault();
  show(event.target, chosen);
});

function sayWhoseTime() {
  for (const element of document.querySelectorAll("[data-your-time]")) element.hidden = false;
}

sayWhoseTime();
document.addEventListener("htmx:afterSettle", () => {
  sayWhoseTime();
  if (shown?.plot.isConnected && rowsOf(shown.plot).length) show(shown.plot, shown.place);
  else hide();
});

// What the reader has opened or chosen is not in the server's page.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
  !(name === "open" && element.matches("details")) && !(name === "hidden" && element.matches("[data-your-time]"));
