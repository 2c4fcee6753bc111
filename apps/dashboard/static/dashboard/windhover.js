// Pages work without this. It only keeps the living parts from asking in vain, and says when nobody answers.
"use strict";

const away = document.getElementById("away");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  away.hidden = !event.detail.failed && event.detail.xhr.status !== 0;
});
