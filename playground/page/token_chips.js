// The filled-in template as the model reads it: one chip a token, slots and cut tokens marked.
function showChips({ element, props, watch }) {
  const root = element.querySelector(".pg-chips");
  function draw() {
    const value = props.value;
    root.textContent = "";
    for (const token of (value && value.tokens) || []) {
      const chip = document.createElement("span");
      chip.className = `pg-chip pg-chip-${token.kind}`;
      chip.textContent = token.text;
      if (token.title) chip.title = token.title;
      root.append(chip);
    }
    if (value && value.summary) {
      const line = document.createElement("div");
      line.className = "pg-note";
      line.textContent = value.summary;
      root.append(line);
    }
  }
  watch("value", draw);
  draw();
}
