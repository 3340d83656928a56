// A script to read and to take away.
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
  root.append(text, copy);
  const show = () => (text.textContent = props.value || "");
  watch("value", show);
  show();
}
