// Under the matrix: the chosen cell's confusion matrix, and the examples behind it.

const AT_ONCE = 20; // examples fetched and shown
const ALL = 100_000; // of them in a CSV file

/** Counts of true against predicted labels; a click on one filters the examples. */
class ConfusionMatrix {
  constructor(holder, words, pick) {
    Object.assign(this, { words, pick });
    this.node = holder.appendChild(make("section", "pg-run-card"));
    const head = this.node.appendChild(make("header"));
    words.bind(head.appendChild(make("h3")), "compare.confusion");
    this.note = this.node.appendChild(make("p", "pg-figure-note"));
    words.bind(this.note, "compare.confusion_note");
    const frame = this.node.appendChild(make("div", "pg-matrix-frame"));
    this.table = frame.appendChild(make("table", "pg-matrix pg-confusion"));
  }
  show(labels, counts, filter) {
    const top = make("tr");
    top.append(make("th"));
    for (const label of labels) top.append(make("th", "", label));
    const head = make("thead");
    head.append(top);
    const body = make("tbody");
    counts.forEach((row, truth) => {
      const line = body.appendChild(make("tr"));
      line.append(make("th", "", labels[truth]));
      const sum = row.reduce((total, count) => total + count, 0);
      row.forEach((count, predicted) => {
        const button = line.appendChild(make("td")).appendChild(make("button", "pg-matrix-cell"));
        button.type = "button";
        button.append(make("b", "", count.toLocaleString("en-US")));
        const colour = truth === predicted ? "var(--pg-above)" : "var(--pg-below)";
        const share = sum ? Math.round((46 * count) / sum) : 0;
        button.style.setProperty("--pg-shade", `color-mix(in srgb, ${colour} ${share}%, transparent)`);
        const pressed = filter?.truth === truth && filter?.predicted === predicted;
        button.setAttribute("aria-pressed", String(pressed));
        button.setAttribute("aria-label", `${labels[truth]} → ${labels[predicted]}: ${count}`);
        button.onclick = () => this.pick(pressed ? null : { truth, predicted });
      });
    });
    this.table.replaceChildren(head, body);
  }
}

/** The examples of a cell, each with what every template makes of it. */
class ComparedExamples {
  constructor(holder, words, fetch) {
    Object.assign(this, { words, fetch, only: "all", query: null, round: 0 });
    this.node = holder.appendChild(make("section", "pg-run-card"));
    const head = this.node.appendChild(make("header"));
    words.bind(head.appendChild(make("h3")), "compare.examples");
    const choices = ["all", "wrong", "disagree"].map((only) => [only, `compare.only.${only}`]);
    new Switch(head, words, choices, this.only, (only) => {
      this.only = only;
      this.ask();
    });
    this.count = this.node.appendChild(make("p", "pg-figure-note"));
    this.list = this.node.appendChild(make("div", "pg-examples"));
    const foot = this.node.appendChild(make("div", "pg-figure-data"));
    this.more = words.bind(foot.appendChild(make("button", "pg-figure-button")), "compare.more");
    this.save = words.bind(foot.appendChild(make("button", "pg-figure-button")), "figure.csv");
    this.more.type = this.save.type = "button";
    this.more.onclick = () => this.ask(this.list.children.length);
    this.save.onclick = () => this.download();
  }
  /** Shows the examples of `query`: {run, template, verbalizer, calibrated, filter, …names}. */
  show(query) {
    this.query = query;
    this.ask();
  }
  asked(offset, limit) {
    const { run, template, verbalizer, calibrated, filter } = this.query;
    return { run, template, verbalizer, calibrated, only: this.only, ...filter, offset, limit };
  }
  async ask(offset = 0) {
    if (!this.query) return;
    const mine = ++this.round;
    const found = await this.fetch(this.asked(offset, AT_ONCE));
    if (mine !== this.round || !found) return;
    if (!offset) this.list.replaceChildren();
    for (const row of found.rows) this.list.append(this.example(row));
    this.count.textContent = this.words.say("compare.count", { count: found.total });
    this.more.hidden = this.list.children.length >= found.total;
    this.save.hidden = !found.total;
  }
  example({ texts, label, predicted, probabilities }) {
    const { labels, templates, colours } = this.query;
    const node = make("details", "pg-example");
    const line = node.appendChild(make("summary"));
    line.append(make("span", "pg-example-text", Object.values(texts).join(" ⟂ ")));
    const verdict = line.appendChild(make("span", "pg-example-verdict"));
    verdict.append(this.chip(predicted, colours));
    if (label !== predicted) {
      verdict.append(make("i", "", this.words.say("compare.truth")), this.chip(label, colours));
    }
    const bars = node.appendChild(make("div", "pg-example-bars"));
    probabilities.forEach((shares, template) => {
      const row = bars.appendChild(make("div", "pg-example-bar"));
      row.append(make("code", "", templates[template]));
      const stack = row.appendChild(make("span", "pg-run-stack"));
      labels.forEach((name, index) => {
        const part = stack.appendChild(make("span"));
        part.style.width = `${100 * (shares?.[index] ?? 0)}%`;
        part.style.background = colours[name];
        part.title = `${name} ${digits(shares?.[index])}`;
      });
      const best = shares ? labels[shares.indexOf(Math.max(...shares))] : "";
      row.append(best ? this.chip(best, colours) : make("span"));
    });
    return node;
  }
  chip(label, colours) {
    const node = make("span", "pg-run-share");
    const swatch = node.appendChild(make("i", "pg-run-chip"));
    swatch.style.background = colours[label] ?? "var(--pg-neutral)";
    node.append(make("span", "", label));
    return node;
  }
  async download() {
    const found = await this.fetch(this.asked(0, ALL));
    if (!found?.rows.length) return;
    const { labels, templates, template } = this.query;
    const fields = Object.keys(found.rows[0].texts);
    const columns = [...fields, "label", "predicted", ...labels.map((name) => `p(${name})`)];
    const rows = found.rows.map(({ texts, label, predicted, probabilities }) => [
      ...fields.map((field) => texts[field]),
      label,
      predicted,
      ...(probabilities[template] ?? labels.map(() => null)),
    ]);
    download(`examples ${templates[template]}`, csv({ columns, rows }));
  }
}
