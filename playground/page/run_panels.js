// The parts of a run that are no curves: progress, pinned examples, soft tokens.

/** Time left, from a step time that is smoothed over about three seconds of running. */
class StepClock {
  constructor() {
    this.last = null; // {step, at}
    this.pace = null; // seconds a step
  }
  note(step, running) {
    const at = performance.now() / 1000;
    if (!running || !this.last || step < this.last.step) {
      this.last = running ? { step, at } : null;
      return;
    }
    const steps = step - this.last.step;
    if (!steps) return;
    const passed = at - this.last.at;
    const trust = this.pace === null ? 1 : 1 - Math.exp(-passed / 3);
    this.pace = (this.pace ?? 0) * (1 - trust) + (passed / steps) * trust;
    this.last = { step, at };
  }
}

/** State word, step, time left and the bar; the reason of a failure as a sentence below. */
class Progress {
  constructor(holder, words) {
    this.words = words;
    this.node = holder.appendChild(make("section", "pg-run-card pg-run-progress"));
    const line = this.node.appendChild(make("div", "pg-run-line"));
    const state = line.appendChild(make("span", "pg-run-state"));
    this.dot = state.appendChild(make("i", "pg-run-dot"));
    this.state = state.appendChild(make("strong"));
    this.state.setAttribute("role", "status");
    this.quiet = line.appendChild(make("span", "pg-figure-note"));
    this.kept = line.appendChild(make("span", "pg-figure-note"));
    const numbers = line.appendChild(make("span", "pg-run-numbers"));
    this.count = numbers.appendChild(make("span"));
    this.left = numbers.appendChild(make("span", "pg-run-left"));
    this.track = this.node.appendChild(make("div", "pg-run-track"));
    this.track.setAttribute("role", "progressbar");
    this.track.setAttribute("aria-valuemin", "0");
    this.bar = this.track.appendChild(make("div", "pg-run-bar"));
    this.reason = this.node.appendChild(make("p", "pg-run-reason"));
    this.clear();
  }
  clear() {
    this.clock = new StepClock();
    this.told = 0;
    this.keep("");
    this.show({ state: "", reason: "", step: 0, steps: 0 });
  }
  /** While the server does not answer: the rest of the page stays as it was. */
  reconnecting(lost) {
    this.quiet.textContent = lost ? this.words.say("run.reconnecting") : "";
    this.node.classList.toggle("pg-run-lost", lost);
  }
  /** Which step the prompt is of, where that is not the last one. */
  keep(text) {
    this.kept.textContent = text;
  }
  show({ state, reason, step, steps }) {
    const word = this.words.say(`run.state.${state}`) || state;
    if (this.state.textContent !== word) this.state.textContent = word;
    this.node.dataset.state = state;
    const [done, all] = [step ?? 0, steps ?? 0].map((count) => count.toLocaleString("en-US"));
    const count = this.words.say("run.progress", { step: done, steps: all });
    this.count.textContent = steps ? count : "";
    this.bar.style.width = `${steps ? Math.min(100, (100 * step) / steps) : 0}%`;
    this.track.setAttribute("aria-valuemax", steps || 1);
    this.track.setAttribute("aria-valuenow", step || 0);
    this.track.setAttribute("aria-label", word);
    this.reason.textContent = reason ?? "";
    this.reason.hidden = !reason;
    this.clock.note(step, state === "running");
    this.tell(state === "running" ? steps - step : 0);
  }
  /** A number that changes twelve times a second cannot be read: twice is enough. */
  tell(steps) {
    const pace = this.clock.pace;
    const now = performance.now();
    if (pace === null || steps <= 0) this.left.textContent = "";
    else if (now - this.told < 500) return;
    else {
      const time = timeText(this.words, pace * steps);
      this.left.textContent = this.words.say("run.time_left", { time });
    }
    this.told = now;
  }
}

/** A card with a heading, a sentence while there is nothing in it, and rows that are kept. */
class Panel {
  constructor(holder, words, name) {
    this.words = words;
    this.node = holder.appendChild(make("section", `pg-run-card pg-run-card-${name}`));
    const head = this.node.appendChild(make("header"));
    words.bind(head.appendChild(make("h3")), `run.title.${name}`);
    this.waiting = this.node.appendChild(make("p", "pg-figure-note"));
    words.bind(this.waiting, `run.${name}_waiting`);
    this.rows = this.node.appendChild(make("div", `pg-run-${name}`));
    this.clear();
  }
  clear() {
    this.rows.replaceChildren();
    this.waiting.hidden = false;
  }
  /** One child for each item: kept where it is there already, so that bars glide. */
  update(items, create, fill) {
    this.waiting.hidden = true;
    while (this.rows.children.length > items.length) this.rows.lastChild.remove();
    items.forEach((item, index) => fill(this.rows.children[index] ?? create(), item));
  }
}

/** A slider over the snapshots of a run: at its end it follows the newest, elsewhere it stays. */
class Replay {
  constructor(holder, words, picture) {
    this.words = words;
    this.node = holder.appendChild(make("section", "pg-run-card pg-run-wide pg-run-replay"));
    const label = this.node.appendChild(make("label"));
    words.bind(label.appendChild(make("span")), "run.replay");
    this.slider = label.appendChild(make("input"));
    Object.assign(this.slider, { type: "range", min: 0, step: 1 });
    this.step = label.appendChild(make("output"));
    this.slider.addEventListener("input", () => {
      this.follows = Number(this.slider.value) === this.snapshots.length - 1;
      this.tell();
      picture();
    });
    this.clear();
  }
  clear() {
    this.snapshots = [];
    this.follows = true;
    this.node.hidden = true;
  }
  take(snapshot) {
    this.snapshots.push(snapshot);
  }
  get snapshot() {
    return this.follows ? this.snapshots.at(-1) : this.snapshots[Number(this.slider.value)];
  }
  draw() {
    this.node.hidden = this.snapshots.length < 2;
    this.slider.max = this.snapshots.length - 1;
    if (this.follows) this.slider.value = this.slider.max;
    this.tell();
  }
  tell() {
    const step = this.snapshot?.step ?? 0;
    this.step.textContent = this.words.say("run.at_step", { step: step.toLocaleString("en-US") });
  }
}

/** Three examples, each with a bar of its label probabilities that moves as the model learns. */
class PinnedExamples extends Panel {
  constructor(holder, words) {
    super(holder, words, "pinned");
  }
  clear() {
    super.clear();
    this.colours = {};
    this.labels = [];
  }
  meet({ labels, colours }) {
    this.labels = labels ?? [];
    this.colours = colours ?? {};
  }
  show(examples) {
    this.update(examples, () => this.create(), (row, example) => this.fill(row, example));
  }
  create() {
    const row = this.rows.appendChild(make("article", "pg-run-example"));
    row.append(make("p", "pg-run-text"), make("div", "pg-run-stack"), make("p", "pg-run-shares"));
    return row;
  }
  fill(row, { text, label, probabilities }) {
    const [sentence, stack, shares] = row.children;
    if (sentence.textContent !== text) sentence.textContent = sentence.title = text;
    const names = this.labels.length ? this.labels : Object.keys(probabilities);
    const share = (name) => probabilities[name] ?? 0;
    const likeliest = [...names].sort((a, b) => share(b) - share(a))[0];
    if (stack.children.length !== names.length) {
      stack.replaceChildren(...names.map(() => make("span")));
      shares.replaceChildren(...names.map(() => this.share()));
    }
    names.forEach((name, index) => {
      stack.children[index].style.width = `${100 * share(name)}%`;
      stack.children[index].style.background = this.colour(name);
      const item = shares.children[index];
      const [swatch, word, value] = item.children;
      swatch.style.background = this.colour(name);
      word.textContent = name === label ? `✓ ${name}` : name;
      word.title = name === label ? this.words.say("run.true_label") : "";
      value.textContent = share(name).toFixed(2);
      item.classList.toggle("pg-run-likeliest", name === likeliest);
    });
  }
  share() {
    const item = make("span", "pg-run-share");
    item.append(make("i", "pg-run-chip"), make("span"), make("b"));
    return item;
  }
  /** Only a plain colour of the verbalizer is let into a style. */
  colour(name) {
    const colour = this.colours[name] ?? "";
    return /^#[0-9a-f]{6}$/i.test(colour) ? colour : "var(--pg-neutral)";
  }
}

/** Each trained vector with the words of the vocabulary that lie nearest to it. */
class SoftTokens extends Panel {
  constructor(holder, words) {
    super(holder, words, "soft_tokens");
    this.node.hidden = true;
  }
  clear() {
    super.clear();
    this.node.hidden = true; // most methods have none
  }
  show(tokens) {
    this.node.hidden = !tokens.length;
    this.update(tokens, () => this.create(), (row, token) => this.fill(row, token));
  }
  create() {
    const row = this.rows.appendChild(make("p", "pg-run-soft"));
    row.append(make("code"), make("span", "pg-run-near"));
    return row;
  }
  fill(row, { name, nearest }) {
    const [code, near] = row.children;
    code.textContent = name;
    while (near.children.length > nearest.length) near.lastChild.remove();
    nearest.forEach(([word, similarity], index) => {
      const item = near.children[index] ?? near.appendChild(make("span"));
      const shown = visibleToken(word);
      if (item.textContent !== shown) item.textContent = shown;
      item.title = digits(similarity);
    });
  }
}
