// The curves of one run: every point is kept, the drawing is thinned, and new points are appended
// to what is drawn, so that zoom and hover survive.

/** One line of a figure. Past LIMIT points every second one is left out, then every fourth, … */
class Curve {
  static LIMIT = 4000;

  constructor() {
    this.x = [];
    this.y = [];
    this.stride = 1;
    this.drawn = 0; // how many of x and y the figure has seen
  }
  push(x, y) {
    this.x.push(x);
    this.y.push(y ?? null);
  }
  get last() {
    return this.y[this.y.length - 1];
  }
  /** True when the drawing has become too dense and has to be made anew. */
  get crowded() {
    return this.x.length / this.stride > Curve.LIMIT;
  }
  /** All points, thinned. */
  all() {
    while (this.crowded) this.stride *= 2;
    this.drawn = 0;
    return this.fresh();
  }
  /** The points to append since the last drawing. */
  fresh() {
    const first = Math.ceil(this.drawn / this.stride) * this.stride;
    const x = [];
    const y = [];
    for (let index = first; index < this.x.length; index += this.stride) {
      x.push(this.x[index]);
      y.push(this.y[index]);
    }
    this.drawn = this.x.length;
    return { x, y };
  }
}

/** An exponential moving average without the pull towards zero at its start. */
class Smooth {
  constructor() {
    this.sum = 0;
    this.weight = 0;
  }
  add(value, span) {
    if (typeof value !== "number" || !Number.isFinite(value)) return null;
    const keep = 1 - 1 / span;
    this.sum = keep * this.sum + (1 - keep) * value;
    this.weight = keep * this.weight + (1 - keep);
    return this.sum / this.weight;
  }
}

/** The figures of one run. */
class RunCurves extends CurveCards {
  static keys = {
    loss: ["train", "dev", "best"],
    accuracy: ["train", "dev", "best", "zero_shot"],
    learning_rate: ["learning_rate"],
    tokens_per_second: ["tokens_per_second"],
  };

  /** Forgets everything: another run. */
  clear(run) {
    super.clear(run);
    this.zeroShot = null;
    this.best = null; // the step that was best on dev, where that is kept
    this.history = [];
    this.curves = {
      loss: { raw: new Curve(), train: new Curve(), dev: new Curve() },
      accuracy: { train: new Curve(), dev: new Curve() },
      learning_rate: { learning_rate: new Curve() },
      tokens_per_second: { tokens_per_second: new Curve() },
    };
    this.smooth = { loss: new Smooth(), accuracy: new Smooth() };
  }
  take(event) {
    const { loss, accuracy, learning_rate, tokens_per_second } = this.curves;
    if (event.split === "start") {
      this.zeroShot = event.zero_shot_accuracy ?? null;
      this.expect(event.steps);
      this.dirty = true;
    } else if (event.split === "train") {
      const span = Math.max(10, this.steps / 30);
      loss.raw.push(event.step, event.loss);
      loss.train.push(event.step, this.smooth.loss.add(event.loss, span));
      accuracy.train.push(event.step, this.smooth.accuracy.add(event.accuracy, span));
      learning_rate.learning_rate.push(event.step, event.learning_rate);
      tokens_per_second.tokens_per_second.push(event.step, event.tokens_per_second);
      this.history.push(event);
    } else if (event.split === "dev") {
      loss.dev.push(event.step, event.loss);
      accuracy.dev.push(event.step, event.accuracy);
      this.history.push(event);
      const best = event.best?.step ?? null;
      this.dirty ||= best !== this.best;
      this.best = best;
    }
  }
  /** Draws what is new: all of it once the run rests, everything when `anew` (theme, language). */
  draw({ anew = false, rests = true } = {}) {
    const now = performance.now();
    const crowded = Object.values(this.curves).some((set) =>
      Object.values(set).some((curve) => curve.crowded),
    );
    const whole = anew || this.dirty || crowded;
    this.dirty = false;
    for (const card of this.cards) {
      const hidden = !card.plot.shown || card.plot.waiting;
      if (whole || hidden || !card.plot.node.data) card.plot.draw(() => this.figure(card));
      else if (rests || now - card.drawn >= card.leisure) this.append(card);
      else continue;
      card.drawn = now;
      this.listen(card);
      const set = this.curves[card.name];
      for (const [key, node] of Object.entries(card.values)) {
        const single = { zero_shot: this.zeroShot, best: this.best };
        const value = key in single ? single[key] : set[key].last;
        this.tell(node, value === null || value === undefined ? "" : digits(value));
      }
    }
  }
  append(card) {
    const traces = [];
    const x = [];
    const y = [];
    Object.values(this.curves[card.name]).forEach((curve, index) => {
      const fresh = curve.fresh();
      if (!fresh.x.length) return;
      traces.push(index);
      x.push(fresh.x);
      y.push(fresh.y);
    });
    card.plot.extend(x, y, traces);
  }
  figure(card) {
    const figure = this.frame(card);
    for (const trace of figure.data) {
      Object.assign(trace, this.curves[card.name][trace.meta].all());
      trace.name = plain(this.words.say(`run.${trace.meta}`));
    }
    figure.layout.shapes = this.lines(card.name);
    return figure;
  }
  /** Across the figure the accuracy before training, upright the step that was best on dev. */
  lines(name) {
    const shapes = [];
    const add = (color, place) => {
      const line = { color, width: 1.5, dash: "dot" };
      shapes.push({ type: "line", layer: "below", line, ...place });
    };
    if (name === "accuracy" && this.zeroShot !== null) {
      const [y0, y1] = [this.zeroShot, this.zeroShot];
      add("var(--pg-quiet)", { xref: "paper", x0: 0, x1: 1, y0, y1 });
    }
    if (RunCurves.keys[name].includes("best") && this.best !== null) {
      add("var(--pg-dev)", { yref: "paper", y0: 0, y1: 1, x0: this.best, x1: this.best });
    }
    return shapes;
  }
  table() {
    const columns = ["step", "split", "loss", "accuracy", "learning_rate", "tokens_per_second"];
    return {
      name: `run-${this.run}`,
      columns: columns.map((column) => this.words.say(`run.${column}`)),
      rows: this.history.map((event) =>
        columns.map((column) =>
          column === "split" ? this.words.say(`run.${event.split}`) : (event[column] ?? null),
        ),
      ),
    };
  }
}
