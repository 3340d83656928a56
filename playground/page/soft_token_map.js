// A map of the soft tokens among words, step by step: each has a trail, and stands where it is now.

class SoftTokenMap extends CurveCards {
  static keys = { map: ["soft_token", "label_word", "near_word"] };
  static DENSE = 400; // points of a trail at most
  static LONGEST = 16; // characters of a word beside its point; the whole of it is in the hover

  constructor(plotly, holder, words, figure, colour) {
    super(plotly, holder, words, { map: figure });
    this.colour = colour; // of a label
    this.node.classList.add("pg-run-wide");
    this.note = this.node.appendChild(make("p", "pg-figure-note"));
    this.data = new DataLine(this.node, words, () => this.table());
  }
  get node() {
    return this.cards[0].plot.node.parentElement;
  }
  clear(run) {
    super.clear(run);
    this.map = null;
    this.snapshots = [];
    this.known = new Map(); // "word x y": the place of a word that was near at some step
    this.shown = null;
    this.due = 0; // when the next drawing may come that nobody asked for
    this.node.hidden = true; // most methods have none
  }
  take(event) {
    if (event.split === "map") this.map = event;
    if (event.split !== "snapshot" || !this.map) return;
    this.snapshots.push(event);
    for (const place of event.soft_tokens.flatMap(placesNear)) this.known.set(place.key, place);
  }
  /** Draws the map as it was at a snapshot; without `haste` in a tenth of the time at most. */
  show(snapshot, { anew = false, haste = true } = {}) {
    const began = performance.now();
    if (!this.map || !snapshot || (snapshot === this.shown && !anew)) return;
    if (!haste && began < this.due) return;
    this.shown = snapshot;
    this.node.hidden = false;
    const [card] = this.cards;
    card.plot.draw(() => this.figure(card));
    this.listen(card);
    this.note.textContent = this.words.say("run.map_note", {
      share: (100 * snapshot.kept).toFixed(0),
      dimensions: this.map.axes[0].length.toLocaleString("en-US"),
    });
    this.data.refresh();
    const took = performance.now() - began;
    this.due = began + Math.max(CurveCards.LEISURE, 10 * took);
  }
  figure(card) {
    const figure = this.frame(card);
    const { soft_tokens } = this.shown;
    const gone = this.snapshots.slice(0, this.snapshots.indexOf(this.shown) + 1);
    const labels = this.map.label_words.map(({ word, at }) => place(word, at));
    const near = soft_tokens.map(placesNear);
    const taken = new Set(labels.map(({ key }) => key)); // a place is named once
    const nearest = near.map(([first]) => first).filter(({ key }) => !taken.has(key) && taken.add(key));
    const filled = {
      words: points([...this.known.values()]),
      way: this.trails(this.snapshots),
      gone: this.trails(gone),
      near: points(near.flat()),
      nearest: points(nearest),
      labels: points(labels),
      tokens: points(soft_tokens.map((token) => place(token.name, token.at, nearestTo(token)))),
    };
    for (const trace of figure.data) {
      Object.assign(trace, filled[trace.meta]);
      if (trace.meta !== "labels") continue;
      const colours = this.map.label_words.map(({ label }) => this.colour(label));
      trace.marker.color = trace.textfont.color = colours;
    }
    return figure;
  }
  /** One line for all soft tokens, with a gap after each; of a long run not every snapshot. */
  trails(all) {
    const stride = Math.ceil(this.snapshots.length / SoftTokenMap.DENSE);
    const snapshots = all.filter((_, index) => index % stride === 0 || index === all.length - 1);
    const x = [];
    const y = [];
    const count = snapshots[0]?.soft_tokens.length ?? 0;
    for (let token = 0; token < count; token += 1) {
      for (const { soft_tokens } of snapshots) {
        x.push(soft_tokens[token].at[0]);
        y.push(soft_tokens[token].at[1]);
      }
      x.push(null);
      y.push(null);
    }
    return { x, y };
  }
  table() {
    if (!this.map) return null;
    const columns = ["step", "kind", "name", "x", "y", "nearest"];
    const kind = { label: this.words.say("run.label_word"), token: this.words.say("run.soft_token") };
    const rows = this.map.label_words.map(({ word, at }) => [null, kind.label, word, ...at, null]);
    for (const { step, soft_tokens } of this.snapshots) {
      for (const { name, at, nearest } of soft_tokens) {
        rows.push([step, kind.token, name, ...at, visibleToken(nearest[0][0])]);
      }
    }
    const heads = columns.map((column) => this.words.say(`run.${column}`));
    return { name: `run-${this.run}-map`, columns: heads, rows };
  }
}

/** A point with its name and what is said when it is pointed at. */
function place(name, [x, y], hover = name) {
  return { key: `${name} ${x} ${y}`, name, x, y, hover };
}

/** Where the words nearest to a soft token stand, the nearest first. */
function placesNear({ nearest }) {
  return nearest.map(([word, , x, y]) => place(visibleToken(word), [x, y]));
}

/** A soft token with its nearest words, one a line. */
function nearestTo({ name, nearest }) {
  const near = nearest.map(([word, similarity]) => `${visibleToken(word)} ${digits(similarity)}`);
  return [name, ...near].join("\n");
}

/** Places as Plotly takes them. */
function points(places) {
  const longest = SoftTokenMap.LONGEST;
  const short = (name) => (name.length > longest ? `${name.slice(0, longest - 1)}…` : name);
  return {
    x: places.map(({ x }) => x),
    y: places.map(({ y }) => y),
    text: places.map(({ name }) => plain(short(name))),
    hovertext: places.map(({ hover }) => plain(hover).replace(/\n/g, "<br>")),
  };
}
