// Which runs are looked for: words, and one value or all of each filter.

class HistoryFilters {
  static names = ["kind", "method", "dataset", "model", "study", "tag", "state"];
  static PAUSE = 150; // ms without a key before what was typed is looked for

  /** `changed()` is called when something else is looked for than before. */
  constructor(holder, words, changed) {
    this.words = words;
    this.changed = changed;
    this.node = holder.appendChild(make("div", "pg-history-filters"));
    this.node.setAttribute("role", "search");
    this.text = this.node.appendChild(make("input", "pg-history-text"));
    this.text.type = "search";
    this.text.oninput = () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(changed, HistoryFilters.PAUSE);
    };
    this.selects = new Map();
    for (const name of HistoryFilters.names) {
      const select = this.node.appendChild(make("select", "pg-history-select"));
      select.onchange = () => {
        this.mark();
        changed();
      };
      this.selects.set(name, select);
    }
    this.clear = words.bind(this.node.appendChild(make("button", "pg-figure-button")), "history.clear");
    this.clear.type = "button";
    this.clear.onclick = () => this.set({ deleted: this.deleted });
    this.bin = this.node.appendChild(make("button", "pg-figure-button pg-history-bin"));
    this.bin.type = "button";
    this.bin.onclick = () => this.set({ deleted: !this.deleted });
    this.deleted = false;
    this.offer({});
    this.told(0);
  }
  /** The words, once they are known. */
  say() {
    const search = this.words.say("history.search");
    this.text.placeholder = search;
    this.text.setAttribute("aria-label", search);
    for (const [name, select] of this.selects) {
      select.setAttribute("aria-label", this.words.say(`history.all.${name}`));
    }
  }
  /** What is looked for, without what is not asked for. */
  get wanted() {
    const wanted = {};
    if (this.text.value.trim()) wanted.text = this.text.value.trim();
    for (const [name, select] of this.selects) if (select.value) wanted[name] = select.value;
    if (this.deleted) wanted.deleted = true;
    return wanted;
  }
  get narrowed() {
    return Object.keys(this.wanted).some((name) => name !== "deleted");
  }
  /** Looks for something else. */
  set(wanted) {
    this.take(wanted);
    this.changed();
  }
  take(wanted) {
    this.text.value = wanted.text ?? "";
    this.deleted = Boolean(wanted.deleted);
    for (const [name, select] of this.selects) {
      const value = wanted[name] ?? "";
      if (![...select.options].some((option) => option.value === value)) {
        select.append(new Option(value, value));
      }
      select.value = value;
    }
    this.mark();
  }
  mark() {
    for (const select of this.selects.values()) {
      select.classList.toggle("pg-history-set", Boolean(select.value));
    }
    this.clear.hidden = !this.narrowed;
    this.bin.setAttribute("aria-pressed", String(this.deleted));
  }
  /** Which values there are: {name: [[value, text]]}. What is chosen stays. */
  offer(choices) {
    const told = JSON.stringify(choices);
    if (told === this.offered) return;
    this.offered = told;
    for (const [name, select] of this.selects) {
      const { value } = select;
      const found = choices[name] ?? [];
      const all = new Option(this.words.say(`history.all.${name}`), "");
      select.replaceChildren(all, ...found.map(([each, text]) => new Option(text, each)));
      if (value && !found.some(([each]) => each === value)) select.append(new Option(value, value));
      select.value = value;
      if (name === "study") select.hidden = select.options.length < 2;
    }
    this.mark();
  }
  /** How many are deleted. */
  told(deleted) {
    this.bin.textContent = this.words.say("history.deleted_ones", { count: deleted });
    this.bin.hidden = !deleted && !this.deleted;
    this.clear.hidden = !this.narrowed;
  }
}
