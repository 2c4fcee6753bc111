// Pages work without this. It keeps the living parts from asking in vain, says when nobody answers, and tells times
// as they are where the reader is.
"use strict";

const away = document.getElementById("away");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  away.hidden = !event.detail.failed && event.detail.xhr.status !== 0;
});

// The server tells times in UTC; here stands what the clock on the wall will say.
function tellLocalTimes() {
  for (const place of document.querySelectorAll("[data-local]")) {
    const when = new Date(place.dataset.local);
    const time = when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    place.textContent = `, ${time} where you are`;
  }
}

tellLocalTimes();
document.addEventListener("htmx:afterSettle", tellLocalTimes);
