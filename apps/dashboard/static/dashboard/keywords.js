// The list of keywords: what is selected stays selected while the list refreshes, and is counted.
"use strict";

const many = document.getElementById("many");
const box = (id) => document.getElementById(id);
const rows = () => [...many.querySelectorAll("input.pick[name=id]")];

// The server does not know what is selected: it sends every box empty.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => name !== "checked" || !node.matches(".pick");

function select(boxes, checked) {
  for (const one of boxes) one.checked = checked;
}

function showSelection() {
  const [all, page, text] = [box("pick-all"), box("pick-page"), box("number-selected")];
  if (!all || !text) return;
  if (all.checked) select(rows(), true);
  const number = rows().filter((row) => row.checked).length;
  if (page) {
    page.checked = number > 0 && number === rows().length;
    page.indeterminate = number > 0 && !page.checked;
  }
  text.textContent = `${all.checked ? `All ${all.value}` : number.toLocaleString("en")} selected`;
}

many.addEventListener("change", ({ target }) => {
  if (!target.matches(".pick")) return;
  if (target.name !== "id") select(rows(), target.checked);
  if (!target.checked && box("pick-all")) box("pick-all").checked = false;
  showSelection();
});

showSelection();
document.addEventListener("htmx:afterSettle", showSelection);
