// One text under several prompts. props.value is {columns: [{name, colours}], rows: [{template,
// cells: [{labels} or {error}]}], texts}, {message}, or null.
function showSideBySide({ element, props, watch }) {
  const root = element.querySelector(".pg-side-by-side");

  function bar({ labels, error }, { name, colours }) {
    const node = make("div", "pg-side-cell");
    if (error) {
      node.append(make("span", "pg-note", error));
      return node;
    }
    const stack = node.appendChild(make("span", "pg-run-stack"));
    const best = Object.keys(labels).reduce((a, b) => (labels[b] > labels[a] ? b : a));
    for (const [label, share] of Object.entries(labels)) {
      const part = stack.appendChild(make("span"));
      part.style.width = `${100 * share}%`;
      part.style.background = colours[label];
      part.title = `${label} ${digits(share)}`;
    }
    const line = node.appendChild(make("span", "pg-run-share"));
    line.append(make("i", "pg-run-chip"), make("span", "", best), make("b", "", digits(labels[best])));
    line.firstChild.style.background = colours[best];
    node.title = name;
    return node;
  }
  function draw() {
    const { columns = [], rows = [], message = "" } = props.value ?? {};
    root.style.setProperty("--pg-columns", columns.length);
    root.replaceChildren();
    if (message) root.append(make("p", "pg-note", message));
    if (columns.length > 1) {
      const head = root.appendChild(make("div", "pg-side-row pg-side-head"));
      head.append(make("span"), ...columns.map(({ name }) => make("span", "pg-note", name)));
    }
    for (const { template, cells } of rows) {
      const line = root.appendChild(make("div", "pg-side-row"));
      line.append(make("code", "", template), ...cells.map((cell, at) => bar(cell, columns[at])));
    }
  }
  watch("value", draw);
  draw();
}
