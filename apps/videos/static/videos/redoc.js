"use strict";

// Redoc shows its maker's logo from another server, which the Content-Security-Policy refuses. React sets `src` both ways.
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (!String(value).startsWith("https://cdn.redoc.ly/")) Element.prototype.setAttribute.call(this, name, value);
};
Object.defineProperty(HTMLImageElement.prototype, "src", { set(value) { this.setAttribute("src", value); } });

// The colors of the pages (colors.css). Redoc computes shades of them, so they cannot be CSS variables.
function colorsOfPages() {
  const probe = document.body.appendChild(document.createElement("i"));
  const names = ["paper", "surface", "raised", "ink", "soft", "line", "link", "good", "bad"];
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colors = Object.fromEntries(names.map((name) => [name, read(name)]));
  probe.remove();
  return colors;
}

function theme(colors) {
  const fontFamily = "system-ui, sans-serif";
  return {
    colors: {
      primary: { main: colors.link },
      success: { main: colors.good },
      error: { main: colors.bad },
      text: { primary: colors.ink, secondary: colors.soft },
      border: { dark: colors.line, light: colors.line },
      gray: { 50: colors.paper, 100: colors.raised },
      responses: {
        success: { color: colors.good, backgroundColor: colors.surface },
        error: { color: colors.bad, backgroundColor: colors.surface },
        redirect: { color: colors.soft, backgroundColor: colors.surface },
        info: { color: colors.soft, backgroundColor: colors.surface },
      },
    },
    schema: {
      nestedBackground: colors.surface, linesColor: colors.line, typeNameColor: colors.soft,
      typeTitleColor: colors.soft, requireLabelColor: colors.bad, defaultDetailsWidth: "75%",
    },
    typography: {
      fontFamily, headings: { fontFamily },
      code: { color: colors.ink, backgroundColor: colors.raised },
      links: { color: colors.link, visited: colors.link, hover: colors.link },
    },
    sidebar: { backgroundColor: colors.surface, textColor: colors.ink, activeTextColor: colors.link },
    rightPanel: {
      backgroundColor: "#1c2127",
      servers: {
        overlay: { backgroundColor: colors.paper, textColor: colors.ink },
        url: { backgroundColor: colors.surface },
      },
    },
    codeBlock: { backgroundColor: "#14181c" },
    fab: { backgroundColor: colors.raised, color: colors.ink },
  };
}

const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => document.documentElement.dataset.theme || location.reload());

const container = document.getElementById("redoc");
// Its search would run in a worker made from a blob: the Content-Security-Policy would have to allow those.
Redoc.init(container.dataset.schema, { disableSearch: true, theme: theme(colorsOfPages()) }, container);
