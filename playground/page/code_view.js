// A text to read and to take away, with remarks on it.
function showCode({ element, props, watch }) {
  const root = element.querySelector(".pg-code");
  const text = document.createElement("pre");
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "pg-small-button";
  copy.textContent = "⧉";
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.textContent);
    copy.textContent = "✓";
    setTimeout(() => (copy.textContent = "⧉"), 1200);
  });
  const notes = document.createElement("ul");
  root.append(text, copy, notes);
  function show() {
    text.textContent = props.value?.code ?? "";
    notes.replaceChildren(
      ...(props.value?.notes ?? []).map((note) =>
        Object.assign(document.createElement("li"), { className: "pg-note", textContent: note }),
      ),
    );
  }
  watch("value", show);
  show();
}
