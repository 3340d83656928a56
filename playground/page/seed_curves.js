// The curves of runs over several seeds: each seed faint, their mean, and a band of one standard
// deviation.

/** Mean and sample standard deviation of some numbers; a single one has no deviation. */
function spreadOf(values) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null };
}

/** 0.74 ± 0.02 */
function spreadText({ mean, deviation }, places = 2) {
  const text = mean.toFixed(places);
  return deviation === null ? text : `${text} ± ${deviation.toFixed(places)}`;
}

/** Over the lines that have come to a step: [[step, {count, mean, deviation}]], by step. */
function meansOf(lines) {
  const at = new Map();
  for (const [step, value] of lines.flat()) {
    if (!Number.isFinite(value)) continue;
    if (!at.has(step)) at.set(step, []);
    at.get(step).push(value);
  }
  return [...at].sort(([a], [b]) => a - b).map(([step, values]) => [step, spreadOf(values)]);
}

/** Points as Plotly takes them. */
function axes(points) {
  return { x: points.map(([x]) => x), y: points.map(([, y]) => y) };
}

/** The figures of a group. */
class SeedCurves extends CurveCards {
  static DENSE = 800; // points of a line at most: there is one for each seed
  static keys = { loss: ["train", "dev"], accuracy: ["train", "dev", "zero_shot"] };
  static edges = {
    low: ({ mean, deviation }) => (deviation === null ? null : mean - deviation),
    high: ({ mean, deviation }) => (deviation === null ? null : mean + deviation),
  };

  clear(group) {
    super.clear(group);
    this.drawn = 0;
    this.lines = new Map(); // run: {loss: {train, dev}, accuracy: {train, dev}}, each [[step, value]]
    this.smooth = new Map(); // run: {loss, accuracy}
    this.zeroShot = new Map(); // run: its accuracy before training
    this.history = [];
  }
  take(event) {
    const { run, split, step } = event;
    if (split === "start") {
      this.expect(event.steps);
      if (Number.isFinite(event.zero_shot_accuracy)) {
        this.zeroShot.set(run, event.zero_shot_accuracy);
      }
      return;
    }
    if (!this.lines.has(run)) {
      const empty = () => ({ train: [], dev: [] });
      this.lines.set(run, { loss: empty(), accuracy: empty() });
      this.smooth.set(run, { loss: new Smooth(), accuracy: new Smooth() });
    }
    const span = Math.max(10, this.steps / 30);
    for (const name of ["loss", "accuracy"]) {
      const smooth = this.smooth.get(run)[name];
      const value = split === "train" ? smooth.add(event[name], span) : event[name];
      this.lines.get(run)[name][split].push([step, value ?? null]);
    }
    this.history.push(event);
    this.dirty = true;
  }
  draw({ anew = false, rests = true } = {}) {
    const now = performance.now();
    const due = this.dirty && (rests || now - this.drawn >= CurveCards.LEISURE);
    if (!anew && !due) return;
    this.drawn = now;
    this.dirty = false;
    for (const card of this.cards) {
      card.plot.draw(() => this.figure(card));
      this.listen(card);
      for (const [key, node] of Object.entries(card.values)) this.tell(node, this.last(card, key));
    }
  }
  /** The mean of the seeds' last values. */
  last({ name }, key) {
    const values =
      key === "zero_shot"
        ? [...this.zeroShot.values()]
        : [...this.lines.values()].map((line) => line[name][key].at(-1)?.[1]);
    const known = values.filter(Number.isFinite);
    return known.length ? spreadText(spreadOf(known)) : "";
  }
  figure(card) {
    const figure = this.frame(card);
    figure.data = figure.data.flatMap((trace) => {
      const [key, part] = trace.meta.split("_");
      const lines = [...this.lines.values()].map((line) => this.thinned(line[card.name][key]));
      if (part === "seed") return lines.map((line) => ({ ...trace, ...axes(line) }));
      const means = meansOf(lines);
      const edge = SeedCurves.edges[part] ?? (({ mean }) => mean);
      const points = axes(means.map(([step, spread]) => [step, edge(spread)]));
      return [{ ...trace, ...points, ...(part ? {} : this.said(key, means)) }];
    });
    figure.layout.shapes = card.name === "accuracy" ? this.across() : [];
    return figure;
  }
  /** Name and hover of a mean. */
  said(key, means) {
    const text = means.map(([, spread]) => `${spreadText(spread, 3)} (${spread.count})`);
    return { name: plain(this.words.say(`run.${key}`)), text, hovertemplate: "%{text}" };
  }
  /** The same steps of every long line, so that they have a mean. */
  thinned(points) {
    const stride = Math.ceil(this.steps / SeedCurves.DENSE);
    if (points.length <= SeedCurves.DENSE) return points;
    return points.filter(([step]) => step % stride === 0);
  }
  /** The mean accuracy before training, as a line across. */
  across() {
    if (!this.zeroShot.size) return [];
    const { mean } = spreadOf([...this.zeroShot.values()]);
    const line = { color: "var(--pg-quiet)", width: 1.5, dash: "dot" };
    return [{ type: "line", layer: "below", line, xref: "paper", x0: 0, x1: 1, y0: mean, y1: mean }];
  }
  /** ``seeds`` is a map from run to seed. */
  table(seeds) {
    const columns = ["seed", "step", "split", "loss", "accuracy"];
    const rows = this.history.map((event) => [
      seeds.get(event.run) ?? null,
      event.step,
      this.words.say(`run.${event.split}`),
      event.loss ?? null,
      event.accuracy ?? null,
    ]);
    const heads = columns.map((column) => this.words.say(`run.${column}`));
    return { name: this.run, columns: heads, rows };
  }
}
