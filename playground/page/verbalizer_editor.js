// The verbalizer as a table: a colour, a label and its words a row, with import and export as JSON.
// What is typed lives in props.value; Python replaces it only when it sets another verbalizer.
// Below the table stands how several words, and words of several tokens, make one score.
const POLICIES = {
  aggregation: ["mean", "max", "logsumexp"],
  multi_token: ["first", "mean", "exact"],
};

function editVerbalizer({ element, props, watch, trigger }) {
  const root = element.querySelector(".pg-verbalizer");
  const text = (id) => (props.texts && props.texts[id]) || "";
  const make = (tag, className, attributes = {}) => {
    const node = Object.assign(document.createElement(tag), attributes);
    if (className) node.className = className;
    return node;
  };
  let marks = {};
  let drawn = "";
  let importing = false; // the rows that arrive next come from a file and ask for an answer

  const rows = () =>
    [...root.querySelectorAll(".pg-verbalizer-row")].map((row) => ({
      label: row.querySelector(".pg-label").value,
      words: row.querySelector(".pg-words").value,
      colour: row.querySelector(".pg-colour").value,
    }));
  /** Those that are not as by default, with what no control shows, such as weights. */
  const settings = () => {
    const kept = { ...props.value?.settings };
    for (const select of root.querySelectorAll("select")) {
      delete kept[select.name];
      if (select.selectedIndex > 0) kept[select.name] = select.value;
    }
    return kept;
  };
  const whole = (value) => JSON.stringify([value?.rows ?? [], value?.settings ?? {}]);
  const keep = () => {
    const value = { rows: rows(), settings: settings() };
    drawn = whole(value);
    props.value = value;
  };
  const changed = () => {
    keep();
    root.dispatchEvent(new Event("input", { bubbles: true }));
  };

  function policies() {
    const line = make("div", "pg-policies");
    for (const [name, choices] of Object.entries(POLICIES)) {
      const label = make("label", "", { textContent: text(`verbalizer.${name}`) });
      const select = make("select", "", { name });
      for (const value of choices) {
        const title = text(`verbalizer.${name}.${value}`);
        select.append(make("option", "", { value, textContent: title }));
      }
      const now = choices.indexOf(props.value?.settings?.[name]);
      select.selectedIndex = Math.max(0, now);
      select.addEventListener("change", () => {
        changed();
        root.querySelectorAll(".pg-verbalizer-row").forEach(showMarks);
      });
      label.append(select);
      line.append(label);
    }
    return line;
  }

  function showMarks(row) {
    const policy = root.querySelector("select[name=multi_token]")?.value ?? "first";
    const line = row.querySelector(".pg-pieces");
    line.textContent = "";
    for (const word of row.querySelector(".pg-words").value.split(/[,，、\n]/)) {
      const pieces = marks[word.trim()];
      if (!pieces) continue;
      const mark = make("span", "pg-piece-mark", { title: text(`verbalizer.policy.${policy}`) });
      pieces.forEach((piece, index) => {
        mark.append(make("span", index ? "pg-piece" : "pg-piece pg-piece-first", { textContent: piece }));
      });
      line.append(mark);
    }
    if (line.childElementCount) {
      line.append(make("span", "pg-note", { textContent: text(`verbalizer.marked.${policy}`) }));
    }
  }

  function addRow(list, { label = "", words = "", colour = "#0072b2" }) {
    const row = make("div", "pg-verbalizer-row");
    const input = (className, value, name) => {
      const node = make("input", className, { value, type: "text", spellcheck: false });
      node.setAttribute("aria-label", text(name));
      node.placeholder = text(name);
      node.addEventListener("input", () => {
        showMarks(row);
        keep();
      });
      return node;
    };
    const swatch = make("input", "pg-colour", { type: "color", value: colour.toLowerCase() });
    swatch.setAttribute("aria-label", text("verbalizer.colour"));
    swatch.addEventListener("input", keep);
    const remove = make("button", "pg-quiet-button", { type: "button", textContent: "×" });
    remove.setAttribute("aria-label", text("verbalizer.remove"));
    remove.title = text("verbalizer.remove");
    remove.addEventListener("click", () => {
      row.remove();
      changed();
    });
    row.append(
      swatch,
      input("pg-label", label, "verbalizer.label"),
      input("pg-words", words, "verbalizer.words"),
      remove,
      make("div", "pg-pieces"),
    );
    list.append(row);
    showMarks(row);
    return row;
  }

  function download() {
    const words = (cell) => cell.split(/[,，、\n]/).map((word) => word.trim()).filter(Boolean);
    const labels = {};
    const colours = {};
    for (const row of rows()) {
      labels[row.label] = words(row.words);
      colours[row.label] = row.colour;
    }
    const content = JSON.stringify({ labels, colours, ...settings() }, null, 2) + "\n";
    const link = make("a", "", {
      href: URL.createObjectURL(new Blob([content], { type: "application/json" })),
      download: "verbalizer.json",
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function draw() {
    root.textContent = "";
    const list = make("div", "pg-verbalizer-rows");
    for (const row of (props.value && props.value.rows) || []) addRow(list, row);
    const bar = make("div", "pg-bar");
    const button = (name, action) => {
      const node = make("button", "pg-small-button", { type: "button", textContent: text(name) });
      node.addEventListener("click", action);
      bar.append(node);
      return node;
    };
    button("verbalizer.add", () => {
      const taken = new Set(rows().map((row) => row.colour.toLowerCase()));
      const palette = props.palette || [];
      const colour = palette.find((c) => !taken.has(c.toLowerCase())) || palette[0] || "#999999";
      addRow(list, { colour }).querySelector(".pg-label").focus();
      changed();
    });
    const file = make("input", "pg-hidden", { type: "file", accept: ".json,application/json" });
    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      props.value = { rows: rows(), settings: settings(), imported: await file.files[0].text() };
      importing = true;
      trigger("imported", {});
    });
    button("verbalizer.import", () => file.click());
    button("verbalizer.export", download);
    bar.append(file);
    root.append(list, policies(), bar);
    root.querySelectorAll(".pg-verbalizer-row").forEach(showMarks);
    drawn = whole({ rows: rows(), settings: settings() });
  }

  watch("value", () => {
    if (whole(props.value) === drawn) return;
    draw();
    if (!importing) return;
    importing = false;
    root.dispatchEvent(new Event("input", { bubbles: true }));
  });
  watch("texts", draw);
  document.addEventListener("pg-marks", (event) => {
    marks = event.detail || {};
    root.querySelectorAll(".pg-verbalizer-row").forEach(showMarks);
  });
  draw();
}
