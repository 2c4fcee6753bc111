// Pages work without this script. It asks for the parts that refresh only if they changed and the tab is visible, says
// when the server cannot be reached, and shows times in the reader's time zone, relative ones as they pass.
"use strict";

// Refreshing

const connectionLost = document.getElementById("connection-lost");
const tags = new Map(); // of the last response from each address

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.requestConfig.verb === "get") event.preventDefault();
});

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb === "get" && tags.has(detail.path)) detail.headers["If-None-Match"] = tags.get(detail.path);
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  connectionLost.hidden = !detail.failed && detail.xhr.status !== 0;
  const tag = detail.xhr.getResponseHeader("ETag");
  if (tag) tags.set(detail.requestConfig.path, tag);
});

// Times

const UNITS = [[86400, "day"], [3600, "h"], [60, "min"], [1, "s"]];
const FAR = 30 * 86400; // from here on a date is clearer

function span(seconds, parts) {
  const words = [];
  for (const [size, name] of UNITS) {
    const number = Math.floor(seconds / size);
    seconds %= size;
    if (number || words.length) words.push(number && `${number} ${name}${name === "day" && number > 1 ? "s" : ""}`);
  }
  return words.slice(0, parts).filter(Boolean).join(" ") || "0 s";
}

function fromNow(when) {
  const seconds = Math.round((when - Date.now()) / 1000);
  const length = Math.abs(seconds);
  if (length >= FAR) return day(when, true);
  if (!length) return "now";
  const [size] = UNITS.find(([size]) => length >= size);
  const words = span(Math.round(length / size) * size, 1);
  return seconds > 0 ? `in ${words}` : `${words} ago`;
}

// As the server writes days: charts show those, and times that become local keep their form.
function day(when, withYear) {
  const month = when.toLocaleString("en", { month: "short" });
  return `${when.getDate()} ${month}${withYear ? ` ${when.getFullYear()}` : ""}`;
}

function localTime(when, withDate) {
  const time = when.toLocaleString([], { hour: "numeric", minute: "2-digit" });
  return withDate ? `${day(when, when.getFullYear() !== new Date().getFullYear())} ${time}` : time;
}

function exactTime(when) {
  return `${day(when, true)} ${when.toLocaleTimeString([], { timeStyle: "medium" })}`;
}

function showTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const { relative, left, local, due } = element.dataset;
    const when = new Date(element.dateTime);
    let words;
    if (due !== undefined && when <= Date.now()) words = "Due now";
    else if (relative !== undefined) words = relative + fromNow(when);
    else if (left !== undefined) words = `(in ${span(Math.max(0, Math.round((when - Date.now()) / 1000)), 2)})`;
    else if (local !== undefined) words = localTime(when, local === "date");
    else continue;
    if (element.textContent !== words) element.textContent = words;
    if (element.title.endsWith("UTC")) element.title = (relative ? "Estimated: " : "") + exactTime(when);
  }
  for (const element of document.querySelectorAll("[data-as-of]")) {
    element.title = `As of ${exactTime(new Date(element.dataset.asOf))}`;
  }
}

showTimes();
setInterval(() => document.hidden || showTimes(), 1000);
document.addEventListener("htmx:afterSettle", showTimes);
