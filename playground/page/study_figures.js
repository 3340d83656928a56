// The figures of a study: accuracy over the examples a label, and beside it what the methods need.

class StudyFigures {
  static NEEDS = ["parameters", "bytes"];

  /** `open(run)` is called with the group of a point that was clicked, or with a cell's run. */
  constructor(plotly, holder, words, figures, lines, open) {
    Object.assign(this, { words, figures, lines, open });
    const main = holder.appendChild(make("section", "pg-run-card pg-study-main"));
    this.cards = [this.card(plotly, main, "accuracy")];
    this.keys = make("div", "pg-study-keys");
    main.querySelector("header").after(this.keys);
    this.templates = main.appendChild(make("ol", "pg-study-templates"));
    this.dataLines = [new DataLine(main, words, () => this.table("accuracy"))];
    const small = holder.appendChild(make("div", "pg-study-small"));
    for (const name of Object.keys(figures).slice(1)) {
      const node = small.appendChild(make("section", `pg-run-card pg-study-${name}`));
      this.cards.push(this.card(plotly, node, name));
      this.dataLines.push(new DataLine(node, words, () => this.table(name)));
    }
  }
  card(plotly, node, name) {
    const head = node.appendChild(make("header"));
    this.words.bind(head.appendChild(make("h3")), `study.title.${name}`);
    const reset = head.appendChild(make("button", "pg-figure-button pg-run-reset"));
    this.words.bind(reset, "run.reset_zoom").type = "button";
    reset.hidden = true;
    const plot = new Plot(plotly, node);
    plot.reserve(this.figures[name].layout.height);
    plot.node.setAttribute("role", "figure");
    const card = { name, reset, plot, era: 0, heard: false };
    reset.onclick = () => this.unzoom(card);
    return card;
  }
  unzoom(card) {
    card.reset.hidden = true;
    card.era += 1; // a new uirevision forgets the zoom
    card.plot.draw(() => this.figure(card));
  }
  draw() {
    this.showKeys();
    for (const card of this.cards) {
      card.plot.node.setAttribute("aria-label", this.words.say(`study.title.${card.name}`));
      card.plot.draw(() => this.figure(card));
      this.listen(card);
    }
    for (const data of this.dataLines) data.refresh();
  }
  listen(card) {
    const { node } = card.plot;
    if (card.heard || !node.on) return;
    card.heard = true;
    node.on("plotly_click", ({ points }) => {
      const run = points[0]?.customdata;
      if (run) this.open(run);
    });
    node.on("plotly_doubleclick", () => this.unzoom(card));
    node.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((name) => /axis\.range/.test(name))) card.reset.hidden = false;
    });
  }
  /** The legend: a line with its last mean. */
  showKeys() {
    const items = this.lines.lines.map((line) => {
      const item = make("span", "pg-run-key");
      item.append(lineSwatch(line), make("span", "", line.name));
      return item;
    });
    if (this.lines.zeroShot.length) {
      const item = make("span", "pg-run-key");
      item.append(make("i", "pg-run-swatch pg-run-swatch-zero_shot"));
      item.append(make("span", "", this.words.say("run.zero_shot")));
      items.push(item);
    }
    this.keys.replaceChildren(...items);
    const templates = this.lines.study.templates;
    this.templates.hidden = templates.length < 2;
    this.templates.replaceChildren(...templates.map((template) => make("li", "", template)));
  }

  // ---- figures

  figure(card) {
    const figure = structuredClone(this.figures[card.name]);
    const { layout } = figure;
    layout.uirevision = `${this.lines.study.id} ${card.era}`;
    const needs = StudyFigures.NEEDS.includes(card.name);
    layout.xaxis.title.text = plain(this.words.say(needs ? `study.${card.name}` : "study.shots_axis"));
    if (needs) this.overNeed(layout, card.name);
    else this.overShots(layout);
    if (needs || card.name === "accuracy") layout.yaxis.range = this.span();
    const empty = figure.data;
    figure.data = this.lines.lines.flatMap((line) =>
      empty.map((trace) => this.trace(structuredClone(trace), line, card.name)),
    );
    if (card.name === "accuracy") this.across(layout);
    return figure;
  }
  /** From below all accuracies, and below chance, to above them: tenths, so that it rarely moves. */
  span() {
    const { cells, study } = this.lines;
    const known = cells.map(({ accuracy }) => accuracy).filter(Number.isFinite);
    const least = Math.min(study.chance, ...known) - 0.05;
    const most = Math.max(study.chance + 0.25, ...known) + 0.05;
    return [Math.max(0, Math.floor(least * 10) / 10), Math.min(1.02, Math.ceil(most * 10) / 10)];
  }
  /** Decades, or steps of 1, 2 and 5 where there are few of them. */
  overNeed({ xaxis }, name) {
    const known = this.lines.cells.map((cell) => cell[name]).filter(Number.isFinite).map(Math.log10);
    if (!known.length) return;
    const [low, high] = [Math.min(...known) - 0.3, Math.max(...known) + 0.3];
    xaxis.range = [low, high];
    xaxis.tickvals = [];
    for (let power = Math.floor(low); power <= high; power += 1) {
      for (const digit of high - low > 1.8 ? [1] : [1, 2, 5]) xaxis.tickvals.push(digit * 10 ** power);
    }
  }
  overShots(layout) {
    const { shots } = this.lines.study;
    const [low, high] = [Math.min(...shots), Math.max(...shots)].map(Math.log10);
    const room = Math.max(0.08, (high - low) * 0.05);
    layout.xaxis.range = [low - room, high + room];
    layout.xaxis.tickvals = shots;
    layout.xaxis.ticktext = shots.map(String);
  }
  trace(trace, line, name) {
    const colour = `var(--pg-line-${line.colour})`;
    if (StudyFigures.NEEDS.includes(name)) return this.need(trace, line, name, colour);
    const means = this.lines.means(line, name);
    if (trace.meta === "cells") return this.singles(trace, line, means, name, colour);
    if (trace.meta === "band") {
      trace.fillcolor = `var(--pg-band-${line.colour})`;
      return Object.assign(trace, this.band(means));
    }
    trace.x = means.map(([shots]) => shots);
    trace.y = means.map(([, spread]) => spread.mean);
    Object.assign(trace.line, { color: colour, dash: line.dash });
    Object.assign(trace.marker, { color: colour, symbol: line.symbol });
    trace.name = plain(line.name);
    trace.customdata = means.map(([, , cells]) => cells[0].group);
    trace.text = means.map(([shots, spread]) => {
      const values = { line: line.name, shots, value: spreadText(spread, 3), count: spread.count };
      return plain(this.words.say("study.hover", values));
    });
    trace.hovertemplate = "%{text}<extra></extra>";
    return trace;
  }
  /** Around each stretch of points with several seeds: along the upper edge, back along the lower. */
  band(means) {
    const outline = { x: [], y: [] };
    let stretch = [];
    for (const [shots, { mean, deviation }] of [...means, [null, { deviation: null }]]) {
      if (deviation !== null) stretch.push([shots, mean - deviation, mean + deviation]);
      else {
        const back = stretch.toReversed();
        const xs = [...stretch, ...back].map(([x]) => x);
        outline.x.push(...xs, null);
        outline.y.push(...stretch.map(([, , high]) => high), ...back.map(([, low]) => low), null);
        stretch = [];
      }
    }
    return outline;
  }
  /** The cells of a point, side by side where several seeds are there. */
  singles(trace, line, means, name, colour) {
    const several = means.filter(([, { count }]) => count > 1);
    const cells = several.flatMap(([, , known]) => known);
    const place = this.lines.lines.indexOf(line) - (this.lines.lines.length - 1) / 2;
    trace.x = cells.map(({ shots }) => shots * 1.018 ** place);
    trace.y = cells.map((cell) => cell[name]);
    trace.marker.color = colour;
    trace.customdata = cells.map(({ run }) => run);
    trace.text = cells.map((cell) => {
      const values = { line: line.name, shots: cell.shots, seed: cell.seed, value: digits(cell[name]) };
      return plain(this.words.say("study.hover_cell", values));
    });
    trace.hovertemplate = "%{text}<extra></extra>";
    return trace;
  }
  /** Accuracy over what is needed; each number of examples is a marker, more of them a larger one. */
  need(trace, line, name, colour) {
    const points = this.lines
      .means(line, "accuracy")
      .map(([shots, spread, cells]) => [shots, spread, cells, spreadOf(cells.map((cell) => cell[name]))])
      .filter(([, , , need]) => Number.isFinite(need.mean));
    trace.x = points.map(([, , , need]) => need.mean);
    trace.y = points.map(([, spread]) => spread.mean);
    trace.mode = "markers";
    const { shots } = this.lines.study;
    trace.marker.size = points.map(([k]) => 6 + (7 * (shots.indexOf(k) + 1)) / shots.length);
    Object.assign(trace.marker, { color: colour, symbol: line.symbol, opacity: 0.75 });
    trace.customdata = points.map(([, , cells]) => cells[0].group);
    trace.text = points.map(([k, spread, , need]) => {
      const value = `${spreadText(spread, 3)} · ${this.needText(name, need.mean)}`;
      const values = { line: line.name, shots: k, value, count: spread.count };
      return plain(this.words.say("study.hover", values));
    });
    trace.hovertemplate = "%{text}<extra></extra>";
    return trace;
  }
  needText(name, value) {
    if (name === "bytes") return sizeText(value);
    return this.words.say("study.parameters_count", { count: Math.round(value).toLocaleString("en-US") });
  }
  /** What the models know without training, as lines across, and what guessing gets. */
  across(layout) {
    const { zeroShot, study } = this.lines;
    const line = { color: "var(--pg-quiet)", width: 1.5, dash: "dot" };
    const at = (y) => ({ type: "line", layer: "below", xref: "paper", x0: 0, x1: 1, y0: y, y1: y });
    layout.shapes = zeroShot.map(({ value }) => ({ ...at(value), line }));
    const guess = { color: "var(--pg-grid)", width: 2 };
    layout.shapes.push({ ...at(study.chance), line: guess });
    const note = (y, text) => ({
      ...{ text: plain(text), xref: "paper", x: 1, xanchor: "left", y, yanchor: "middle", xshift: 6 },
      ...{ showarrow: false, font: { size: 11, color: "var(--pg-quiet)" } },
    });
    layout.annotations = [note(study.chance, this.words.say("study.chance"))];
    if (zeroShot.length === 1) {
      const clear = Math.abs(zeroShot[0].value - study.chance) > 0.05;
      if (clear) layout.annotations.push(note(zeroShot[0].value, this.words.say("run.zero_shot")));
    }
  }

  // ---- the table behind a figure

  table(name) {
    if (!this.lines.study) return null;
    const rows = this.lines.lines.flatMap((line) =>
      this.lines
        .means(line, name)
        .map(([shots, { mean, deviation, count }]) => [
          ...[line.method, line.template, line.model],
          ...[shots, count, mean, deviation],
        ]),
    );
    const columns = ["method", "template", "model", "shots", "seeds", "mean", "deviation"];
    const heads = columns.map((column) => this.words.say(`study.column.${column}`));
    return { name: `${this.lines.study.name}-${name}`, columns: heads, rows };
  }
}
