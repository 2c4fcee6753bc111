// The switch of the theme works without this script, by loading the page again, which loses what was typed.
"use strict";

for (const form of document.querySelectorAll(".themes")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = event.submitter;
    const body = new URLSearchParams({ theme: chosen.value });
    const response = await fetch(form.action, { method: "POST", body }).catch(() => null);
    if (!response?.ok) return;
    const root = document.documentElement;
    document.body.classList.remove("theme-light", "theme-dark"); // of the admin
    if (chosen.value === "system") delete root.dataset.theme;
    else root.dataset.theme = chosen.value;
    for (const button of form.querySelectorAll("button")) button.ariaPressed = String(button === chosen);
  });
}
