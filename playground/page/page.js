// What the page's parts share in the browser. Stands in the document's head.

/** Puts a piece into the template where the cursor is, as if it had been typed. */
function playgroundInsert(piece) {
  const area = document.querySelector("#template textarea");
  if (!area) return;
  const { selectionStart: start, selectionEnd: end, value } = area;
  const before = value.slice(0, start);
  const space = before && !/\s$/.test(before) ? " " : "";
  const cursor = start + space.length + piece.length;
  playgroundWrite(area, before + space + piece + value.slice(end), cursor);
}

/** Sets a text box and its cursor as if it had been typed: Gradio listens to the native setter. */
function playgroundWrite(area, text, cursor = text.length) {
  const setter = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  setter.call(area, text);
  area.setSelectionRange(cursor, cursor);
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

/** What an answer brings beside its figures: messages, an offer, words read otherwise, the address. */
function playgroundAside(aside) {
  if (!aside) return;
  document.dispatchEvent(new CustomEvent("pg-messages", { detail: aside.messages }));
  document.dispatchEvent(new CustomEvent("pg-offer", { detail: aside.offer }));
  document.dispatchEvent(new CustomEvent("pg-marks", { detail: aside.marks }));
  playgroundAddress(aside.query);
}

/** Keeps the page's state in its address; the run that is shown is kept by the Train tab. */
function playgroundAddress(query) {
  const next = new URLSearchParams(query);
  const now = new URLSearchParams(location.search);
  for (const kept of ["tab", "run", "comparison", "search", "study", "found", "compared", "__theme"]) {
    if (now.has(kept) && !next.has(kept)) next.set(kept, now.get(kept));
  }
  playgroundReplace(next);
}

/** Changes the address only where it differs: each change makes the browser look for the icon. */
function playgroundReplace(parameters) {
  const search = `?${parameters}`;
  if (search !== location.search) history.replaceState(history.state, "", location.pathname + search);
}

/** Keeps one thing more in the address, such as the run that is shown. */
function playgroundRemember(name, value) {
  const now = new URLSearchParams(location.search);
  if (value) now.set(name, value);
  else now.delete(name);
  playgroundReplace(now);
}

// Gradio selects the first tab by itself when it starts; that is nobody's choice.
let tabIsOpen = false;

/** The tab that the address names is open: from now on it is a person who opens another. */
function playgroundTabIsOpen() {
  tabIsOpen = true;
}

/** Keeps the open tab in the address. */
function playgroundRememberTab(name) {
  if (tabIsOpen) playgroundRemember("tab", name);
}

/** Comes when the first bars are on the screen, or do not come soon. */
async function playgroundDrawn() {
  const until = performance.now() + 2000;
  while (!document.querySelector("#label-bars .bars .point") && performance.now() < until) {
    await new Promise((done) => setTimeout(done, 20));
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}

/** Asks for an answer as typing does. */
function playgroundAsk() {
  document.querySelector("#template")?.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Asks for one text under every template as typing does, where that can be seen. */
function playgroundAskSideBySide() {
  const box = document.querySelector("#compare-templates textarea");
  if (box?.offsetParent) box.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Calls `ask` when the person has been quiet for a moment after typing into one of `places`. */
function playgroundTyping(ask, places) {
  let waiting = null;
  document.addEventListener("input", (event) => {
    if (!event.target.closest?.(places)) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
}

/** Light to dark and back; the choice is remembered. */
function playgroundTheme() {
  const dark = document.body.classList.toggle("dark");
  localStorage.setItem("pg-theme", dark ? "dark" : "light");
}

/** The other language: labels are translated while the page is built, so it is built anew. */
function playgroundLanguage(language) {
  document.cookie = `pg_language=${language};path=/;max-age=31536000;samesite=lax`;
  location.reload();
}

/** Copies the address; where a browser keeps the clipboard to itself, shows it to be copied. */
async function playgroundCopyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    window.prompt("", location.href);
  }
}

// Ctrl+Enter starts a run, Esc stops it, wherever the focus is in its tab.
document.addEventListener("keydown", (event) => {
  const button = (id) => {
    const found = document.getElementById(id);
    return found && found.offsetParent !== null && !found.disabled ? found : null;
  };
  const press = (name) =>
    ["", "compare-", "search-", "study-"].map((tab) => button(tab + name)).find(Boolean)?.click();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) press("start");
  if (event.key === "Escape" && !document.querySelector("[role=listbox]")) press("stop");
});
