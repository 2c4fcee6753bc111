// Pages work without this script. It pauses refreshing in hidden tabs, says when the server cannot be reached, and
// shows times in the reader's time zone.
"use strict";

const connectionLost = document.getElementById("connection-lost");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", (event) => {
  connectionLost.hidden = !event.detail.failed && event.detail.xhr.status !== 0;
});

function showLocalTimes() {
  for (const element of document.querySelectorAll("time[data-local]")) {
    const when = new Date(element.dateTime);
    const parts = { hour: "numeric", minute: "2-digit" };
    if (element.dataset.local === "date") Object.assign(parts, { day: "numeric", month: "short" });
    if (element.dataset.local && when.getFullYear() !== new Date().getFullYear()) parts.year = "numeric";
    element.textContent = when.toLocaleString([], parts);
  }
}

showLocalTimes();
document.addEventListener("htmx:afterSettle", showLocalTimes);
