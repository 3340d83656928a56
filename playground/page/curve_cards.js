// What figures over the steps share: a card each, its last values, and zoom that stays.

/**
 * A card for each of `figures`, the empty figures that Python described. Whoever derives from it
 * has `static keys`, the values that a card names in its head, and `figure(card)`.
 */
class CurveCards {
  static LEISURE = 300; // ms between two drawings of a figure that nobody watches step by step

  constructor(plotly, holder, words, figures) {
    this.words = words;
    this.figures = figures;
    this.cards = Object.keys(figures).map((name) => this.card(plotly, holder, name));
    this.clear("");
  }
  card(plotly, holder, name) {
    const node = holder.appendChild(make("section", `pg-run-card pg-run-card-${name}`));
    const head = node.appendChild(make("header"));
    this.words.bind(head.appendChild(make("h3")), `run.title.${name}`);
    const values = {};
    const keys = this.constructor.keys[name];
    for (const key of keys) {
      const item = head.appendChild(make("span", "pg-run-key"));
      if (key !== name) {
        item.append(make("i", `pg-run-swatch pg-run-swatch-${key}`));
        this.words.bind(item.appendChild(make("span")), `run.${key}`);
      }
      values[key] = item.appendChild(make("b"));
    }
    const reset = head.appendChild(make("button", "pg-figure-button pg-run-reset"));
    this.words.bind(reset, "run.reset_zoom").type = "button";
    reset.hidden = true;
    const leisure = keys.length > 1 ? 0 : CurveCards.LEISURE;
    const plot = new Plot(plotly, node);
    plot.reserve(this.figures[name].layout.height);
    const card = { name, values, reset, plot, leisure, drawn: 0, era: 0, heard: false };
    reset.onclick = () => this.unzoom(card);
    return card;
  }
  /** Writes the last value of a key into its card; without one the key goes away. */
  tell(node, text) {
    node.textContent = text;
    node.parentElement.hidden = text === "";
  }
  unzoom(card) {
    card.reset.hidden = true;
    card.era += 1; // a new uirevision forgets the zoom
    card.plot.draw(() => this.figure(card));
  }
  /** Forgets everything: another run. */
  clear(run) {
    this.run = run;
    this.steps = 0;
    this.dirty = true;
    for (const card of this.cards) card.reset.hidden = true;
  }
  /** The number of steps decides how wide the figures are, so they do not shift as they fill. */
  expect(steps) {
    if (!steps || steps === this.steps) return;
    this.steps = steps;
    this.dirty = true;
  }
  /** The figure as Python described it, with its words, as wide as the steps, zoom kept. */
  frame(card) {
    const figure = structuredClone(this.figures[card.name]);
    const { layout } = figure;
    layout.uirevision = `${this.run} ${card.era}`;
    const step = plain(this.words.say("run.step"));
    if (layout.xaxis.title) layout.xaxis.title.text = step;
    layout.xaxis.unifiedhovertitle = { text: `${step} %{x}` };
    if (this.steps) layout.xaxis.range = [0, this.steps];
    return figure;
  }
  /** A zoom by hand shows the way back; our own drawing sends no such event. */
  listen(card) {
    if (card.heard || !card.plot.node.on) return;
    card.heard = true;
    card.plot.node.on("plotly_doubleclick", () => this.unzoom(card));
    card.plot.node.on("plotly_relayout", (change) => {
      const zoomed = Object.keys(change).some((name) => /axis\.range/.test(name));
      if (zoomed) card.reset.hidden = false;
    });
  }
}
