// The matrix of a comparison: a row a template, a column a verbalizer, a cell a figure of merit.

const METRICS = ["accuracy", "macro_f1", "calibration_error"];

/** 71.2 for a share of 0.7123. */
const percent = (share) => (Number.isFinite(share) ? (100 * share).toFixed(1) : "–");

/** A row of buttons of which one is pressed. `choices` are [value, id of its words]. */
class Switch {
  constructor(holder, words, choices, chosen, react) {
    this.node = holder.appendChild(make("div", "pg-switch-row"));
    this.buttons = choices.map(([value, id]) => {
      const button = words.bind(this.node.appendChild(make("button")), id);
      button.type = "button";
      button.onclick = () => {
        this.choose(value);
        react(value);
      };
      return [value, button];
    });
    this.choose(chosen);
  }
  choose(chosen) {
    for (const [value, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(value === chosen));
    }
  }
}

/** `pick(template, verbalizer)` is called when a cell is chosen. */
class ComparisonMatrix {
  constructor(holder, words, pick) {
    Object.assign(this, { words, pick, metric: "accuracy", calibrated: false, chosen: null });
    this.node = holder.appendChild(make("section", "pg-run-card pg-matrix-card"));
    const head = this.node.appendChild(make("header"));
    words.bind(head.appendChild(make("h3")), "compare.matrix");
    const metrics = METRICS.map((name) => [name, `compare.${name}`]);
    new Switch(head, words, metrics, this.metric, (name) => this.turn({ metric: name }));
    const sides = [
      [false, "compare.raw"],
      [true, "compare.calibrated"],
    ];
    this.sides = new Switch(head, words, sides, false, (side) => this.turn({ calibrated: side }));
    this.note = this.node.appendChild(make("p", "pg-figure-note"));
    const frame = this.node.appendChild(make("div", "pg-matrix-frame"));
    this.table = frame.appendChild(make("table", "pg-matrix"));
    this.clear({ templates: [], verbalizers: [], labels: [] });
  }
  /** Begins anew with what is compared. */
  clear({ templates, verbalizers, labels }) {
    Object.assign(this, { templates, verbalizers, labels, cells: new Map(), chosen: null });
    this.calibrated = false;
    this.sides.choose(false);
  }
  take(cells) {
    for (const cell of cells) this.cells.set(`${cell.template},${cell.verbalizer}`, cell);
  }
  turn(change) {
    Object.assign(this, change);
    this.draw();
    if (this.chosen) this.pick(...this.chosen);
  }
  cell(template, verbalizer) {
    return this.cells.get(`${template},${verbalizer}`);
  }
  /** The figures of a cell as they are shown: calibrated where that was asked for and done. */
  figures(template, verbalizer) {
    const cell = this.cell(template, verbalizer);
    return (this.calibrated && cell?.calibrated) || cell?.raw;
  }
  get hasCalibrated() {
    return [...this.cells.values()].some((cell) => cell.calibrated);
  }
  /** What the rows are called: the templates, and the ensemble of several. */
  get rows() {
    const several = this.templates.length > 1;
    return several ? [...this.templates, this.words.say("compare.ensemble")] : this.templates;
  }
  draw() {
    this.sides.node.hidden = !this.hasCalibrated;
    const better = this.metric === "calibration_error" ? "lower" : "higher";
    this.note.textContent = this.words.say(`compare.${better}_is_better`, {
      chance: percent(1 / Math.max(1, this.labels.length)),
    });
    const head = make("tr");
    head.append(this.heading(this.words.say("compare.template"), "col"));
    for (const { name } of this.verbalizers) head.append(this.heading(name, "col"));
    const body = make("tbody");
    const best = this.best();
    this.rows.forEach((name, template) => {
      const row = body.appendChild(make("tr"));
      const isEnsemble = template === this.templates.length;
      row.append(this.heading(name, "row", isEnsemble ? "" : "pg-matrix-template"));
      row.classList.toggle("pg-matrix-ensemble", isEnsemble);
      this.verbalizers.forEach((_, verbalizer) => {
        row.append(this.field(template, verbalizer, best));
      });
    });
    if (this.templates.length > 1) body.append(this.spread());
    const top = make("thead");
    top.append(head);
    this.table.replaceChildren(top, body);
  }
  heading(text, scope, className = "") {
    const node = make("th", className, text);
    node.scope = scope;
    return node;
  }
  /** The best value among the templates' cells that are done; the ensemble does not compete. */
  best() {
    const values = [...this.cells.values()]
      .filter((cell) => cell.done && cell.template < this.templates.length)
      .map((cell) => this.figures(cell.template, cell.verbalizer)[this.metric]);
    if (values.length < 2) return null;
    return this.metric === "calibration_error" ? Math.min(...values) : Math.max(...values);
  }
  field(template, verbalizer, best) {
    const field = make("td");
    const figures = this.figures(template, verbalizer);
    if (!figures) {
      field.append(make("span", "pg-matrix-waiting", "·"));
      return field;
    }
    const cell = this.cell(template, verbalizer);
    const value = figures[this.metric];
    const button = field.appendChild(make("button", "pg-matrix-cell"));
    button.type = "button";
    button.append(make("b", "", percent(value)));
    button.append(make("span", "", this.interval(figures, cell)));
    button.style.setProperty("--pg-shade", this.shade(value));
    button.classList.toggle("pg-matrix-best", cell.done && value === best);
    button.classList.toggle("pg-matrix-partial", !cell.done);
    const chosen = this.chosen?.[0] === template && this.chosen?.[1] === verbalizer;
    button.setAttribute("aria-pressed", String(chosen));
    button.setAttribute(
      "aria-label",
      `${this.rows[template]} × ${this.verbalizers[verbalizer].name}: ${percent(value)}`,
    );
    button.onclick = () => {
      this.chosen = [template, verbalizer];
      this.draw();
      this.pick(template, verbalizer);
    };
    return field;
  }
  interval(figures, cell) {
    if (!cell.done) return this.words.say("compare.rows_so_far", { count: cell.count });
    const name = { accuracy: "accuracy", macro_f1: "f1" }[this.metric];
    if (!name || !Number.isFinite(figures[`${name}_low`])) return "";
    return `${percent(figures[`${name}_low`])}–${percent(figures[`${name}_high`])}`;
  }
  /** Blue above chance, orange below, the more the farther; an error is grey. */
  shade(value) {
    if (!Number.isFinite(value)) return "transparent";
    const mix = (colour, share) =>
      `color-mix(in srgb, ${colour} ${Math.round(46 * Math.min(1, share))}%, transparent)`;
    if (this.metric === "calibration_error") return mix("var(--pg-neutral)", value / 0.5);
    const chance = 1 / Math.max(1, this.labels.length);
    return value >= chance
      ? mix("var(--pg-above)", (value - chance) / (1 - chance))
      : mix("var(--pg-below)", (chance - value) / chance);
  }
  /** How much hangs on the wording: lowest to highest of a column, and the standard deviation. */
  spread() {
    const row = make("tr", "pg-matrix-spread");
    row.append(this.heading(this.words.say("compare.spread"), "row"));
    this.verbalizers.forEach((_, verbalizer) => {
      const values = this.templates
        .map((_, template) => this.figures(template, verbalizer)?.[this.metric])
        .filter(Number.isFinite);
      const field = row.appendChild(make("td"));
      if (values.length < 2) return;
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance =
        values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      field.append(
        make("b", "", `${percent(Math.min(...values))}–${percent(Math.max(...values))}`),
        make("span", "", this.words.say("compare.deviation", { value: percent(Math.sqrt(variance)) })),
      );
    });
    return row;
  }
  /** All figures as a table: a row a cell. */
  data(name) {
    const figures = [
      ...["accuracy", "accuracy_low", "accuracy_high"],
      ...["macro_f1", "f1_low", "f1_high", "calibration_error"],
    ];
    const columns = ["template", "verbalizer", "scores", "rows", ...figures];
    const rows = [...this.cells.values()]
      .sort((a, b) => a.template - b.template || a.verbalizer - b.verbalizer)
      .flatMap((cell) =>
        ["raw", "calibrated"]
          .filter((side) => cell[side])
          .map((side) => [
            this.rows[cell.template],
            this.verbalizers[cell.verbalizer]?.name,
            side,
            cell.count,
            ...figures.map((figure) => cell[side][figure]),
          ]),
      );
    return { name, columns, rows };
  }
}
