// What is ticked, side by side: a colour each, and their curves in one figure each.

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DASHES = ["solid", "dash"];

/** The ticked entries in the order of their ticking, each with a look of its own that it keeps. */
class Compared {
  static MOST = COLOURS.length * DASHES.length;

  constructor() {
    this.entries = new Map(); // id: {place, row or null}
  }
  get ids() {
    return [...this.entries.keys()];
  }
  get full() {
    return this.entries.size >= Compared.MOST;
  }
  add(id, row = null) {
    const taken = new Set([...this.entries.values()].map(({ place }) => place));
    const place = [...Array(Compared.MOST).keys()].find((each) => !taken.has(each));
    this.entries.set(id, { place, row });
  }
  delete(id) {
    this.entries.delete(id);
  }
  learn(row) {
    const entry = this.entries.get(row.id);
    if (entry) entry.row = row;
  }
  colour(id) {
    const entry = this.entries.get(id);
    return entry ? COLOURS[entry.place % COLOURS.length] : "";
  }
  dash(id) {
    return DASHES[Math.floor(this.entries.get(id).place / COLOURS.length)];
  }
  name(id) {
    return titleOf(this.entries.get(id)?.row ?? { id });
  }
}

/** The legend: a chip each, which leaves its entry out. */
class ComparedChips {
  constructor(holder, words, compared, leaveOut) {
    Object.assign(this, { words, compared, leaveOut });
    this.node = holder.appendChild(make("div", "pg-history-chips"));
  }
  show(lacking) {
    const { compared, words } = this;
    const told = JSON.stringify([compared.ids.map((id) => [id, compared.name(id)]), [...lacking]]);
    if (told === this.told) return;
    this.told = told;
    this.node.replaceChildren(
      ...compared.ids.map((id) => {
        const name = compared.name(id);
        const chip = make("span", "pg-history-chip");
        chip.append(swatchOf(compared, id), make("span", "pg-history-chip-name", name));
        chip.title = name;
        if (lacking.has(id)) chip.append(make("i", "", words.say("history.no_curve")));
        const out = chip.appendChild(make("button", "", "×"));
        out.type = "button";
        out.setAttribute("aria-label", words.say("history.leave_out", { name }));
        out.onclick = () => this.leaveOut([id]);
        return chip;
      }),
    );
  }
}

function swatchOf(compared, id) {
  const swatch = make("i", "pg-history-swatch");
  swatch.style.borderTop = `3px ${compared.dash(id) === "dash" ? "dashed" : "solid"} ${compared.colour(id)}`;
  return swatch;
}

/** Loss and accuracy of all that is ticked; of a group the mean over its seeds, and a band. */
class Overlay extends CurveCards {
  static keys = { train_loss: [], dev_accuracy: [] };

  constructor(plotly, holder, words, figures, compared) {
    super(plotly, holder, words, figures);
    this.compared = compared;
    this.known = new Map(); // id: Map of run: {seed, steps, train, dev}, each {stride, points}
  }
  /** What the browser has already, as the server asks it. */
  get seen() {
    const seen = {};
    for (const runs of this.known.values()) {
      for (const [run, curves] of runs) {
        seen[run] = {};
        for (const split of ["train", "dev"]) {
          const { stride, points } = curves[split];
          if (points.length) seen[run][split] = [stride, points.at(-1)[0]];
        }
      }
    }
    return seen;
  }
  forget(id) {
    this.known.delete(id);
  }
  /** Takes an answer; tells whether anything is new. */
  take(entries) {
    let changed = false;
    for (const { row, curves } of entries) {
      const runs = this.known.get(row.id) ?? new Map();
      changed ||= !this.known.has(row.id);
      for (const { run, seed, steps, ...splits } of curves) {
        const had = runs.get(run);
        const now = { seed, steps };
        for (const split of ["train", "dev"]) {
          const fresh = splits[split];
          const before = had?.[split];
          const known = before?.stride === fresh.stride ? before.points : [];
          const last = known.at(-1)?.[0] ?? -1; // two answers may be on their way at a time
          const points = fresh.points.filter(([step]) => step > last);
          now[split] = { stride: fresh.stride, points: [...known, ...points] };
          changed ||= points.length > 0;
        }
        runs.set(run, now);
      }
      this.known.set(row.id, runs);
    }
    return changed;
  }
  /** The ids of those that have no point in any figure. */
  get lacking() {
    const bare = (id) =>
      [...this.known.get(id).values()].every(({ train, dev }) => !train.points.length && !dev.points.length);
    return new Set(this.compared.ids.filter((id) => this.known.has(id) && bare(id)));
  }
  draw() {
    const runs = this.compared.ids.flatMap((id) => [...(this.known.get(id)?.values() ?? [])]);
    this.steps = Math.max(0, ...runs.map(({ steps }) => steps));
    for (const card of this.cards) {
      card.plot.node.parentElement.hidden = !this.figure(card).data.length;
      card.plot.draw(() => this.figure(card));
      this.listen(card);
    }
  }
  figure(card) {
    const figure = this.frame(card);
    figure.data = this.compared.ids.flatMap((id) => this.traces(card.name, id));
    return figure;
  }
  traces(name, id) {
    const loss = name === "train_loss";
    const lines = [...(this.known.get(id)?.values() ?? [])].map((run) =>
      loss ? this.smoothed(run) : run.dev.points.map(([step, , accuracy]) => [step, accuracy]),
    );
    const means = meansOf(lines);
    if (!means.length) return [];
    const colour = this.compared.colour(id);
    const line = { color: colour, width: 2, dash: this.compared.dash(id) };
    const said = { name: plain(this.compared.name(id)), hovertemplate: loss ? "%{y:.3~g}" : "%{y:.3f}" };
    const mean = { type: "scatter", mode: "lines", line, ...said };
    Object.assign(mean, axes(means.map(([step, { mean: value }]) => [step, value])), { meta: id });
    if (!loss && means.length <= 40) Object.assign(mean, { mode: "lines+markers", marker: { size: 5, color: colour } });
    return lines.length > 1 ? [...this.band(means, colour), mean] : [mean];
  }
  /** One standard deviation around the mean of several seeds. */
  band(means, colour) {
    const edge = { type: "scatter", mode: "lines", hoverinfo: "skip", line: { width: 0, color: colour } };
    const [low, high] = [-1, 1].map((side) => ({
      ...edge,
      ...axes(means.map(([step, { mean, deviation }]) => [step, mean + side * (deviation ?? 0)])),
    }));
    return [low, { ...high, fill: "tonexty", fillcolor: `${colour}29` }];
  }
  /** The loss as the Train tab smooths it, over as many steps. */
  smoothed({ steps, train: { stride, points } }) {
    const smooth = new Smooth();
    const span = Math.max(1, Math.max(10, steps / 30) / stride);
    return points.map(([step, loss]) => [step, smooth.add(loss, span)]);
  }
  table() {
    const heads = ["name", "seed", "step", "split", "loss"].map((column) => this.words.say(`run.${column}`));
    const rows = this.compared.ids.flatMap((id) =>
      [...(this.known.get(id)?.values() ?? [])].flatMap((run) => {
        const smoothed = this.smoothed(run);
        const train = run.train.points.map(([step, loss, accuracy], at) => [step, "train", loss, smoothed[at][1], accuracy]);
        const dev = run.dev.points.map(([step, loss, accuracy]) => [step, "dev", loss, null, accuracy]);
        return [...train, ...dev].map(([step, split, ...values]) => [
          ...[this.compared.name(id), run.seed, step, this.words.say(`run.${split}`), ...values],
        ]);
      }),
    );
    const columns = [...heads, this.words.say("history.smoothed"), this.words.say("run.accuracy")];
    return { name: "runs", columns, rows };
  }
}
