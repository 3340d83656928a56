// The cells of a study: a row a line of the figure, a column a number of examples, a square a seed.

class StudyCells {
  static MOST_NAMED = 6; // cells that failed for the same reason
  static ACROSS = 8; // squares side by side

  /** `open(run)` shows a cell's run; `retry(runs)` tries such again, all that failed without any. */
  constructor(holder, words, lines, { open, retry }) {
    Object.assign(this, { words, lines, open, retry, squares: new Map(), shape: "" });
    this.node = holder.appendChild(make("section", "pg-run-card pg-study-cells"));
    const head = this.node.appendChild(make("header"));
    words.bind(head.appendChild(make("h3")), "study.title.cells");
    this.scale = head.appendChild(make("span", "pg-study-scale"));
    const frame = this.node.appendChild(make("div", "pg-study-frame"));
    this.table = frame.appendChild(make("table"));
    this.failed = this.node.appendChild(make("div", "pg-study-failed"));
    this.data = new DataLine(this.node, words, () => this.rows());
  }
  draw() {
    const { study, lines } = this.lines;
    const names = lines.map(({ name }) => name);
    const shape = JSON.stringify([study.id, names, study.shots, study.seeds, this.words.words]);
    if (shape !== this.shape) this.build(shape);
    for (const cell of this.lines.cells) this.fill(cell);
    this.tellFailed();
    this.data.refresh();
  }
  key({ method, template, model, shots, seed }) {
    return JSON.stringify([method, template, model, shots, seed]);
  }
  /** The empty squares; those of a study that has only gone on are kept as they are. */
  build(shape) {
    const { study, lines } = this.lines;
    this.shape = shape;
    this.squares.clear();
    const head = make("tr");
    head.append(make("th", "", ""));
    for (const shots of study.shots) head.append(make("th", "", `K = ${shots}`));
    const rows = lines.map((line) => {
      const row = make("tr");
      const name = row.appendChild(make("th"));
      name.scope = "row";
      name.append(lineSwatch(line), make("span", "", line.name));
      for (const cells of line.points.values()) {
        const squares = row.appendChild(make("td")).appendChild(make("div", "pg-study-squares"));
        squares.style.setProperty("--pg-seeds", Math.min(StudyCells.ACROSS, study.seeds.length));
        const bySeed = [...cells].sort((a, b) => study.seeds.indexOf(a.seed) - study.seeds.indexOf(b.seed));
        for (const cell of bySeed) {
          const square = squares.appendChild(make("button", "pg-study-cell"));
          square.type = "button";
          this.squares.set(this.key(cell), { square, told: "" });
        }
      }
      return row;
    });
    this.table.replaceChildren(head, ...rows);
    const ramp = [0, 0.25, 0.5, 0.75, 1].map((value) => {
      const patch = make("i");
      patch.style.background = this.shade(value);
      return patch;
    });
    this.scale.replaceChildren(make("span", "", "0"), ...ramp, make("span", "", "1"));
    this.scale.title = this.words.say("study.scale");
  }
  fill(cell) {
    const kept = this.squares.get(this.key(cell));
    const told = JSON.stringify(cell);
    if (!kept || kept.told === told) return;
    kept.told = told;
    const { square } = kept;
    const { state, accuracy, run } = cell;
    const measured = state === "finished" && Number.isFinite(accuracy);
    square.dataset.state = measured ? "done" : state;
    square.style.setProperty("--pg-shade", measured ? this.shade(accuracy) : "transparent");
    square.style.setProperty("--pg-share", `${100 * (cell.share ?? 0)}%`);
    square.title = this.hint(cell);
    square.setAttribute("aria-label", square.title);
    square.disabled = !run;
    square.onclick = () => this.open(run);
  }
  hint(cell) {
    const word = this.words.say(`study.cell.${cell.state}`);
    const values = { shots: cell.shots, seed: cell.seed, state: word };
    const place = this.words.say("study.cell_hint", values);
    if (cell.reason) return `${place}\n${cell.reason}`;
    if (cell.state === "running") return `${place}, ${Math.round(100 * cell.share)} %`;
    return Number.isFinite(cell.accuracy) ? `${place}, ${cell.accuracy.toFixed(3)}` : place;
  }
  /** Blue above chance, orange below, the more the farther. */
  shade(value) {
    const { chance } = this.lines.study;
    const mix = (colour, share) =>
      `color-mix(in srgb, ${colour} ${Math.round(14 + 76 * Math.min(1, share))}%, transparent)`;
    return value >= chance
      ? mix("var(--pg-above)", (value - chance) / (1 - chance))
      : mix("var(--pg-below)", (chance - value) / chance);
  }
  /** Every reason once, with the cells that have it and a button to try them again. */
  tellFailed() {
    const ended = this.lines.cells.filter(({ state }) => state === "failed" || state === "interrupted");
    const told = JSON.stringify([ended, this.words.words]);
    if (told === this.toldFailed) return;
    this.toldFailed = told;
    this.failed.hidden = !ended.length;
    if (!ended.length) return;
    const head = make("p", "pg-study-failed-head");
    head.append(make("b", "", this.words.say("study.failed_count", { count: ended.length })));
    if (ended.length > 1) head.append(this.button("study.retry_all", () => this.retry()));
    const byReason = new Map();
    for (const cell of ended) {
      if (!byReason.has(cell.reason)) byReason.set(cell.reason, []);
      byReason.get(cell.reason).push(cell);
    }
    const shown = [...byReason].map(([reason, cells]) => {
      const line = make("div", "pg-run-reason");
      const named = cells.slice(0, StudyCells.MOST_NAMED).map((cell) => this.named(cell));
      if (named.length < cells.length) named.push("…");
      line.append(make("div", "", reason), make("div", "pg-figure-note", named.join("; ")));
      line.append(this.button("study.retry", () => this.retry(cells.map(({ run }) => run))));
      line.append(this.button("study.open_run", () => this.open(cells[0].run)));
      return line;
    });
    this.failed.replaceChildren(head, ...shown);
  }
  named(cell) {
    const line = this.lines.lines.find(({ points }) => points.get(cell.shots)?.includes(cell));
    const { shots, seed } = cell;
    return this.words.say("study.cell_name", { line: line?.name ?? cell.method, shots, seed });
  }
  button(id, act) {
    const made = make("button", "pg-figure-button", this.words.say(id));
    made.type = "button";
    made.onclick = act;
    return made;
  }
  rows() {
    if (!this.lines.study) return null;
    const columns = ["method", "template", "model", "shots", "seed", "state"];
    const columnTexts = columns.map((column) => this.words.say(`study.column.${column}`));
    const measures = MEASURES.map((measure) => this.words.say(`study.title.${measure}`));
    const names = new Map(this.lines.study.methods);
    const rows = this.lines.cells.map((cell) => [
      ...[names.get(cell.method), cell.template, cell.model, cell.shots, cell.seed],
      this.words.say(`study.cell.${cell.state}`),
      ...MEASURES.map((measure) => cell[measure] ?? null),
    ]);
    const name = `${this.lines.study.name}-cells`;
    return { name, columns: [...columnTexts, ...measures], rows };
  }
}
