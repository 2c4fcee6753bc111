"use strict";

// Swagger UI has dark colors for a class, which only a button in its own top bar sets.
const dark = matchMedia("(prefers-color-scheme: dark)");
const setColors = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", setColors);
setColors();
