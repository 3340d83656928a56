// The verbalizer as a table: a colour, a label and its words a row, with import and export as JSON.
// What is typed lives in props.value; Python replaces it only when it sets another verbalizer.
// Below the table stands how several words, and words of several tokens, make one score. "weighted"
// is the mean with the settings' `weights` (word → number).
const POLICIES = {
  aggregation: ["mean", "weighted", "max", "logsumexp"],
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
  const split = (words) => words.split(/[,，、|｜\n]/).map((word) => word.trim()).filter(Boolean);
  let marks = {};
  let drawn = "";
  let importing = false; // the rows that arrive next come from a file and ask for an answer

  const rows = () =>
    [...root.querySelectorAll(".pg-verbalizer-row")].map((row) => ({
      label: row.querySelector(".pg-label").value,
      words: row.querySelector(".pg-words").value,
      colour: row.querySelector(".pg-colour").value,
    }));
  const chosen = (name) => root.querySelector(`select[name=${name}]`)?.value ?? POLICIES[name][0];
  /** Those that are not as by default. */
  const settings = () => {
    const kept = {};
    for (const name of Object.keys(POLICIES)) {
      if (chosen(name) !== POLICIES[name][0]) kept[name] = chosen(name);
    }
    if (kept.aggregation === "weighted") {
      delete kept.aggregation;
      kept.weights = {};
      for (const input of root.querySelectorAll(".pg-weight input")) {
        if (input.value !== "" && Number(input.value) !== 1) {
          kept.weights[input.name] = Number(input.value);
        }
      }
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
      const { weights, [name]: now } = props.value?.settings ?? {};
      const weighted = name === "aggregation" && weights;
      select.selectedIndex = Math.max(0, choices.indexOf(weighted ? "weighted" : now));
      select.addEventListener("change", () => {
        root.querySelectorAll(".pg-verbalizer-row").forEach(annotate);
        changed();
      });
      label.append(select);
      line.append(label);
    }
    return line;
  }

  /** What stands under the words: how the model reads them, and what each weighs. */
  function annotate(row) {
    const words = split(row.querySelector(".pg-words").value);
    showMarks(row.querySelector(".pg-pieces"), words);
    showWeights(row.querySelector(".pg-weights"), words);
  }
  function showMarks(line, words) {
    const policy = chosen("multi_token");
    line.textContent = "";
    for (const word of words.filter((word) => marks[word])) {
      const pieces = marks[word];
      const title = text(pieces.length > 1 ? `verbalizer.policy.${policy}` : "verbalizer.spelled");
      const mark = make("span", "pg-piece-mark", { title });
      pieces.forEach((piece, index) => {
        const first = pieces.length > 1 && !index ? " pg-piece-first" : "";
        mark.append(make("span", `pg-piece${first}`, { textContent: piece }));
      });
      line.append(mark);
    }
    if (words.some((word) => marks[word]?.length > 1)) {
      line.append(make("span", "pg-note", { textContent: text(`verbalizer.marked.${policy}`) }));
    }
  }
  function showWeights(line, words) {
    const before = { ...props.value?.settings?.weights };
    for (const input of root.querySelectorAll(".pg-weight input")) before[input.name] = input.value;
    line.textContent = "";
    if (chosen("aggregation") !== "weighted") return;
    for (const word of words) {
      const label = make("label", "pg-weight", { textContent: word });
      const input = make("input", "", { type: "number", name: word, value: before[word] ?? 1 });
      Object.assign(input, { min: 0, step: 0.5 });
      input.addEventListener("input", keep);
      label.append(input);
      line.append(label);
    }
  }

  function addRow(list, { label = "", words = "", colour = "#0072b2" }) {
    const row = make("div", "pg-verbalizer-row");
    const input = (className, value, name) => {
      const node = make("input", className, { value, type: "text", spellcheck: false });
      node.setAttribute("aria-label", text(name));
      node.placeholder = text(name);
      node.addEventListener("input", () => {
        annotate(row);
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
      make("div", "pg-weights"),
    );
    list.append(row);
    return row;
  }

  function download() {
    const slots = (cell) => cell.split(/[|｜]/).map(split);
    const labels = {};
    const colours = {};
    for (const row of rows()) {
      const words = slots(row.words);
      labels[row.label] = words.length > 1 ? words : words[0];
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
    button("verbalizer.widen", () => trigger("widen", {}));
    button("verbalizer.import", () => file.click());
    button("verbalizer.export", download);
    bar.append(file);
    root.append(list, policies(), bar);
    root.querySelectorAll(".pg-verbalizer-row").forEach(annotate);
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
    root.querySelectorAll(".pg-verbalizer-row").forEach(annotate);
  });
  document.addEventListener("pg-words", ({ detail: more }) => {
    for (const row of root.querySelectorAll(".pg-verbalizer-row")) {
      const input = row.querySelector(".pg-words");
      const added = more[row.querySelector(".pg-label").value] ?? [];
      input.value = [...split(input.value), ...added].join(", ");
      annotate(row);
    }
    changed();
  });
  draw();
}
