// The parts of a search that are no curves: the triggers, the candidates, the labels' words.

/** The trigger words in their places, the one tried last marked, and the best ones so far. */
class Triggers {
  constructor(holder, words) {
    this.words = words;
    this.node = holder.appendChild(make("section", "pg-run-card pg-run-card-triggers"));
    words.bind(this.node.appendChild(make("header")).appendChild(make("h3")), "search.triggers");
    this.line = this.node.appendChild(make("div", "pg-triggers"));
    this.best = this.node.appendChild(make("p", "pg-figure-note"));
    this.clear();
  }
  clear() {
    this.node.hidden = true;
    this.template = "";
    this.dev = null;
    this.line.replaceChildren();
    this.best.textContent = "";
  }
  meet({ template }) {
    this.template = template ?? "";
  }
  measured({ best }) {
    if (best?.triggers) this.dev = best;
  }
  /** The template with a chip for each trigger word where its slot stands. */
  show({ triggers, position, accepted }) {
    this.node.hidden = !triggers;
    if (!triggers) return;
    let next = 0;
    const chips = (count) =>
      triggers.slice(next, (next += count)).map(({ text }, index) => {
        const chip = make("code", "pg-trigger", visibleToken(text));
        if (next - count + index === position) {
          chip.classList.add(accepted ? "pg-trigger-new" : "pg-trigger-tried");
        }
        return chip;
      });
    this.line.replaceChildren();
    for (const piece of this.template.split(/(\[TRIGGER(?:\*\d+)?\])/)) {
      const slot = /^\[TRIGGER(?:\*(\d+))?\]$/.exec(piece);
      if (slot) this.line.append(...chips(Number(slot[1] ?? 1)));
      else if (piece.trim()) this.line.append(make("span", "", piece.trim()));
    }
    if (this.dev) {
      this.best.textContent = this.words.say("search.best", {
        words: this.dev.triggers.map(({ text }) => visibleToken(text)).join(" "),
        accuracy: digits(this.dev.accuracy),
        step: this.dev.step,
      });
    }
  }
}

/** Words tried in the last iteration: what the gradient promised, and what was measured. */
class Candidates extends Panel {
  static SHOWN = 12;

  constructor(holder, words) {
    super(holder, words, "candidates");
    this.node.classList.add("pg-run-wide");
    this.node.hidden = true;
  }
  clear() {
    super.clear();
    this.node.hidden = true;
  }
  show(candidates) {
    this.node.hidden = !candidates.length;
    if (!candidates.length) return;
    this.waiting.hidden = true;
    const columns = ["word", "gain", "loss", "accuracy"];
    const table = make("table", "pg-candidates");
    const head = table.appendChild(make("thead")).appendChild(make("tr"));
    for (const column of columns) {
      head.append(make("th", "", this.words.say(`search.${column}`)));
    }
    const body = table.appendChild(make("tbody"));
    const best = [...candidates].sort((a, b) => a.loss - b.loss).slice(0, Candidates.SHOWN);
    for (const { text, gain, loss, accuracy } of best) {
      const line = body.appendChild(make("tr"));
      line.append(make("td").appendChild(make("code", "", visibleToken(text))).parentElement);
      for (const value of [gain, loss, accuracy]) line.append(make("td", "", digits(value)));
    }
    this.rows.replaceChildren(table);
  }
}

/** The words that rank highest for each label, with bars of their scores. */
class LabelWords extends Panel {
  constructor(holder, words) {
    super(holder, words, "label_words");
    this.node.classList.add("pg-run-wide");
    this.node.hidden = true;
  }
  clear() {
    super.clear();
    this.node.hidden = true;
    this.colours = {};
  }
  meet({ colours }) {
    this.colours = colours ?? {};
  }
  show(found) {
    this.node.hidden = !found.length;
    const labels = [...new Set(found.map(({ label }) => label))];
    this.update(labels, () => this.create(), (row, label) => {
      const own = found.filter((word) => word.label === label);
      const [name, list] = row.children;
      name.textContent = label;
      name.style.setProperty("--pg-label", this.colours[label] ?? "var(--pg-neutral)");
      list.replaceChildren(
        ...own.map(({ word, score }) => {
          const chip = make("span", "pg-found-word", word);
          chip.title = digits(score);
          return chip;
        }),
      );
    });
  }
  create() {
    const row = this.rows.appendChild(make("div", "pg-word-group"));
    row.append(make("span", "pg-word-label"), make("span", "pg-word-list"));
    return row;
  }
}
