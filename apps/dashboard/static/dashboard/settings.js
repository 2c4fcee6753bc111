// Without this script a click on the address selects it.
"use strict";

for (const button of document.querySelectorAll("[data-copies]")) {
  // Browsers have no clipboard on pages that came without encryption from another machine.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = "Copied";
  });
}
