// The table of runs: a row an entry, which opens into its details.

class HistoryTable {
  static columns = [
    "name",
    "state",
    "method",
    "dataset",
    "model",
    "shots",
    "seed",
    "steps",
    "accuracy",
    "created",
    "bytes",
  ];
  static numbers = new Set(["shots", "seed", "steps", "accuracy", "bytes"]);

  /**
   * `does` has tick(row, ticked), open(row), change(row, what, value), tag(tag), older().
   * `colour(id)` is the colour of a ticked entry.
   */
  constructor(holder, words, does, colour) {
    Object.assign(this, { words, does, colour });
    this.lines = new Map(); // id: {row, node, told}
    this.frame = holder.appendChild(make("div", "pg-history-frame"));
    const table = this.frame.appendChild(make("table", "pg-history-table"));
    const head = table.appendChild(make("thead")).appendChild(make("tr"));
    head.append(make("th", "pg-history-tick"));
    for (const column of HistoryTable.columns) {
      const cell = head.appendChild(make("th", this.classOf(column)));
      words.bind(cell, `history.${column}`).scope = "col";
    }
    head.append(make("th", "pg-history-last"));
    this.body = table.appendChild(make("tbody"));
    this.body.onkeydown = (event) => this.walk(event);
    this.more = words.bind(this.frame.appendChild(make("button", "pg-history-older")), "history.older");
    this.more.type = "button";
    this.more.onclick = () => does.older();
    this.entry = new HistoryEntry(words, does);
    this.opened = null; // the id of the entry whose details are open
  }
  classOf(column) {
    const number = HistoryTable.numbers.has(column) ? " pg-figure-number" : "";
    return `pg-history-${column}${number}`;
  }
  get rows() {
    return [...this.lines.values()].map(({ row }) => row);
  }
  /** Shows these rows in their order; lines that are there already are kept. */
  show(rows, { more, deleted }) {
    const before = this.lines;
    this.deleted = deleted;
    this.lines = new Map();
    for (const row of rows) {
      const line = before.get(row.id) ?? { node: make("tr", "pg-history-row"), told: "" };
      this.lines.set(row.id, { ...line, row });
      before.delete(row.id);
    }
    for (const { node } of before.values()) node.remove();
    if (!this.lines.has(this.opened)) this.close();
    let last = null;
    for (const line of this.lines.values()) {
      this.fill(line);
      const next = last ? last.nextSibling : this.body.firstChild;
      if (next !== line.node) this.body.insertBefore(line.node, next);
      last = line.row.id === this.opened ? this.detail(line) : line.node;
    }
    this.more.hidden = !more;
  }
  /** A row may have changed: its cells are made anew only then. */
  fill(line) {
    const { row, node } = line;
    const colour = this.colour(row.id);
    const told = JSON.stringify([row, colour, this.deleted, row.id === this.opened, this.words.words]);
    if (told === line.told) return;
    this.lines.set(row.id, Object.assign(line, { told }));
    const focused = node.contains(document.activeElement)
      ? [...node.querySelectorAll("button, input")].indexOf(document.activeElement)
      : -1;
    node.dataset.id = row.id;
    node.dataset.state = row.state;
    node.replaceChildren(
      this.tick(row, colour),
      ...HistoryTable.columns.map((column) => {
        const cell = make("td", this.classOf(column));
        cell.append(...[this.cell(column, row)].flat());
        return cell;
      }),
      this.last(row),
    );
    if (focused >= 0) node.querySelectorAll("button, input")[focused]?.focus();
  }
  tick(row, colour) {
    const cell = make("td", "pg-history-tick");
    if (this.deleted) return cell;
    const box = cell.appendChild(make("input"));
    box.type = "checkbox";
    box.checked = Boolean(colour);
    if (colour) box.style.accentColor = colour;
    box.setAttribute("aria-label", this.words.say("history.tick", { name: titleOf(row) }));
    box.onchange = () => {
      box.checked = this.does.tick(row, box.checked);
    };
    return cell;
  }
  cell(column, row) {
    switch (column) {
      case "name":
        return this.name(row);
      case "state": {
        const state = make("span", "pg-history-word");
        state.append(make("i", "pg-run-dot"), make("span", "", this.words.say(`run.state.${row.state}`)));
        if (row.reason) state.title = row.reason;
        return state;
      }
      case "seed":
        if (row.members.length) return this.words.say("history.several", { count: row.members.length });
        return String(row.seed ?? "–");
      case "steps": {
        const [done, all] = [row.step, row.steps].map((count) => count.toLocaleString("en-US"));
        return row.step === row.steps ? (row.steps ? all : "–") : `${done} / ${all}`;
      }
      case "accuracy":
        return accuracyText(row.accuracies);
      case "created": {
        const time = make("time", "", momentText(row.created));
        time.dateTime = row.created;
        time.title = new Date(row.created).toLocaleString(document.documentElement.lang || "en");
        return time;
      }
      case "bytes":
        return sizeText(row.bytes);
      default:
        return String(row[column] || "–");
    }
  }
  name(row) {
    const line = make("div", "pg-history-title");
    const name = line.appendChild(make("button", "pg-history-link", titleOf(row)));
    name.type = "button";
    name.title = titleOf(row);
    name.setAttribute("aria-label", this.words.say("history.open", { name: titleOf(row) }));
    name.disabled = this.deleted || !OPENED.has(row.kind);
    name.onclick = () => this.does.open(row);
    for (const tag of row.tags) {
      const chip = line.appendChild(make("button", "pg-history-tag", tag));
      chip.type = "button";
      chip.title = this.words.say("history.filter_tag", { tag });
      chip.onclick = () => this.does.tag(tag);
    }
    if (row.note) {
      const note = line.appendChild(make("span", "pg-history-noted", row.note));
      note.title = row.note;
    }
    const under = make("div", "pg-history-under");
    under.textContent = [row.method, row.dataset, row.model].filter(Boolean).join(" · ");
    return [line, under];
  }
  last(row) {
    const cell = make("td", "pg-history-last");
    if (this.deleted) {
      cell.append(this.act(row, "restore"), this.act(row, "purge", "history.purge_sure"));
      return cell;
    }
    const open = row.id === this.opened;
    const more = cell.appendChild(make("button", "pg-history-more", "⋯"));
    more.type = "button";
    more.setAttribute("aria-expanded", String(open));
    more.setAttribute("aria-label", this.words.say("history.details", { name: titleOf(row) }));
    more.onclick = () => this.toggle(row.id);
    return cell;
  }
  /** A button that does something to a row, the second time it is pressed if it asks before. */
  act(row, what, ask = "") {
    const button = make("button", "pg-history-button", this.words.say(`history.${what}`));
    button.type = "button";
    let sure = !ask;
    button.onclick = () => {
      if (sure) return this.does.change(row, what);
      sure = true;
      button.textContent = this.words.say(ask);
      button.classList.add("pg-history-sure");
    };
    return button;
  }
  toggle(id) {
    const before = this.lines.get(this.opened);
    this.close();
    if (before?.row.id === id) return this.fill(before);
    this.opened = id;
    if (before) this.fill(before);
    const line = this.lines.get(id);
    this.fill(line);
    this.detail(line);
    this.entry.fields.name.focus({ preventScroll: true });
  }
  close() {
    this.opened = null;
    this.detailRow?.remove();
  }
  /** The details below the row that is open. */
  detail({ row, node }) {
    if (!this.detailRow) {
      this.detailRow = make("tr", "pg-history-detail");
      const cell = this.detailRow.appendChild(make("td"));
      cell.colSpan = HistoryTable.columns.length + 2;
      cell.append(this.entry.node);
    }
    if (node.nextSibling !== this.detailRow) node.after(this.detailRow);
    this.entry.show(row);
    return this.detailRow;
  }
  /** Up and down go from row to row, and stay in the column; Esc closes the details. */
  walk(event) {
    if (event.key === "Escape" && this.detailRow?.contains(event.target)) {
      const { node } = this.lines.get(this.opened);
      this.toggle(this.opened);
      node.querySelector(".pg-history-more").focus();
      event.stopPropagation();
      return;
    }
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = event.target.closest(".pg-history-row");
    if (!way || !here) return;
    const rows = [...this.body.querySelectorAll(".pg-history-row")];
    const there = rows[rows.indexOf(here) + way];
    const column = event.target.closest("td").className;
    const target = there && [...there.cells].find((cell) => cell.className === column);
    target?.querySelector("button:not(:disabled), input")?.focus();
    if (there) event.preventDefault();
  }
}

/** What an entry is called: by its name, or else its id. */
function titleOf({ name, id }) {
  return name || id;
}
