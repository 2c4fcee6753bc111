"use strict";

// Swagger UI has dark colors for a class, which only a button in its own top bar sets.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const setColors = () =>
  root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
dark.addEventListener("change", setColors);
setColors();
