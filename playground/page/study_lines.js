// A study as the figures need it: its lines, the points on them, and what the cells of a point say.

/** The figures of a cell, by the name of the figure that shows them. */
const MEASURES = ["accuracy", "gap", "forgetting", "seconds", "bytes", "parameters"];

/** A piece of a line of the figures. */
function lineSwatch({ colour, dash }) {
  const swatch = make("i", "pg-study-swatch");
  swatch.style.borderColor = `var(--pg-line-${colour})`;
  swatch.style.borderTopStyle = { solid: "solid", dot: "dotted" }[dash] ?? "dashed";
  return swatch;
}

class StudyLines {
  static COLOURS = 8;
  static DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  static SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x"];

  constructor() {
    this.clear();
  }
  clear() {
    this.study = null;
    this.cells = [];
    this.lines = [];
  }
  /** Takes an answer of the server's: what has changed since the last one. */
  take({ study, count, cells }) {
    this.study = study;
    this.cells.length = Math.min(count, this.cells.length);
    for (const [place, cell] of cells) this.cells[place] = cell;
    this.lines = study ? this.arranged() : [];
  }
  /** A line for each method × template × model, with its points by the number of examples. */
  arranged() {
    const { methods, templates, models } = this.study;
    const lines = new Map();
    models.forEach((model, m) =>
      templates.forEach((template, t) =>
        methods.forEach(([method, name], place) => {
          const shape = m * templates.length + t;
          lines.set(JSON.stringify([method, template, model]), {
            name: this.nameOf(name, t, model),
            colour: (place % StudyLines.COLOURS) + 1,
            dash: StudyLines.DASHES[shape % StudyLines.DASHES.length],
            symbol: StudyLines.SYMBOLS[shape % StudyLines.SYMBOLS.length],
            method: name,
            template,
            model,
            points: new Map(this.study.shots.map((shots) => [shots, []])),
          });
        }),
      ),
    );
    for (const cell of this.cells) {
      const line = lines.get(JSON.stringify([cell.method, cell.template, cell.model]));
      line?.points.get(cell.shots)?.push(cell);
    }
    return [...lines.values()];
  }
  nameOf(method, template, model) {
    const told = [method];
    if (this.study.templates.length > 1) told.push(`T${template + 1}`);
    if (this.study.models.length > 1) told.push(model);
    return told.join(" · ");
  }
  /** [[K, spread over the seeds, the cells that have the figure]] of a line, as far as measured. */
  means(line, measure) {
    return [...line.points].flatMap(([shots, cells]) => {
      const known = cells.filter((cell) => Number.isFinite(cell[measure]));
      return known.length ? [[shots, spreadOf(known.map((cell) => cell[measure])), known]] : [];
    });
  }
  /** How good the models are without training: [{name, value}] for each template and model. */
  get zeroShot() {
    const found = new Map();
    for (const { template, model, zero_shot_accuracy: value } of this.cells) {
      if (Number.isFinite(value)) found.set(JSON.stringify([template, model]), { template, model, value });
    }
    return [...found.values()];
  }
  get counts() {
    const counts = {};
    for (const { state } of this.cells) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }
  /** How much of the work is done, from 0 to 1: a run that goes on counts by its steps. */
  get share() {
    const done = (cell) => (cell.state === "finished" ? 1 : Math.min(0.99, cell.share ?? 0));
    return this.cells.reduce((sum, cell) => sum + done(cell), 0) / Math.max(1, this.cells.length);
  }
}
