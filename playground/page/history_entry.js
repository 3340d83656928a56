// What opens below a row: its name, tags and note to be edited, and what can be done with it.

class HistoryEntry {
  /** `does` has open(row), change(row, what, value), which resolves to an error or "". */
  constructor(words, does) {
    this.words = words;
    this.does = does;
    this.node = make("div", "pg-history-entry");
    this.fields = {};
    const form = this.node.appendChild(make("div", "pg-history-form"));
    this.field(form, "name", "rename", "input");
    this.field(form, "tags", "tags", "input");
    this.field(form, "note", "note", "textarea").rows = 2;
    this.reason = this.node.appendChild(make("p", "pg-run-reason"));
    this.members = this.node.appendChild(make("div", "pg-history-members"));
    const line = this.node.appendChild(make("div", "pg-history-actions"));
    this.open = this.button(line, "history.open_run", () => does.open(this.row));
    this.file = line.appendChild(make("a", "pg-history-button"));
    this.file.download = "";
    words.bind(this.file, "history.export");
    this.button(line, "history.delete", () => this.change("delete")).classList.add("pg-history-away");
    this.id = line.appendChild(make("code", "pg-history-id"));
    this.said = line.appendChild(make("span", "pg-history-said"));
    this.said.setAttribute("role", "status");
  }
  field(form, name, what, tag) {
    const label = form.appendChild(make("label", `pg-history-field pg-history-field-${name}`));
    this.words.bind(label.appendChild(make("span")), `history.${name}`);
    const input = label.appendChild(make(tag));
    input.onchange = () => this.change(what, this.read(name));
    if (tag === "input") input.onkeydown = (event) => event.key === "Enter" && input.blur();
    this.fields[name] = input;
    return input;
  }
  button(line, id, act) {
    const button = line.appendChild(make("button", "pg-history-button"));
    this.words.bind(button, id).type = "button";
    button.onclick = act;
    return button;
  }
  read(name) {
    const text = this.fields[name].value;
    return name === "tags" ? text.split(/[,，]/) : text;
  }
  async change(what, value) {
    const error = await this.does.change(this.row, what, value);
    this.said.textContent = error || this.words.say("history.saved");
    this.said.classList.toggle("pg-history-wrong", Boolean(error));
  }
  /** Another state of the row. What a person is typing stays as it is. */
  show(row) {
    const other = row.id !== this.row?.id;
    this.row = row;
    if (other) this.said.textContent = "";
    for (const [name, input] of Object.entries(this.fields)) {
      const text = name === "tags" ? row.tags.join(", ") : row[name];
      if (other || document.activeElement !== input) input.value = text;
    }
    this.reason.textContent = row.reason;
    this.reason.hidden = !row.reason;
    this.open.hidden = !OPENED.has(row.kind);
    this.file.hidden = row.members.length > 0;
    this.exported(this.file, row);
    this.id.textContent = row.id;
    const told = JSON.stringify([row.members, document.documentElement.lang]);
    if (told === this.told) return;
    this.told = told;
    this.members.hidden = !row.members.length;
    this.members.replaceChildren(...row.members.map((member) => this.member(member)));
  }
  /** A link to a run's file; without a target while the run is at work. */
  exported(link, { id, state }) {
    const working = state === "running" || state === "paused";
    if (working) link.removeAttribute("href");
    else link.href = `runs/${encodeURIComponent(id)}.zip`;
    link.setAttribute("aria-disabled", String(working));
    link.title = working ? this.words.say("history.export_later") : "";
  }
  member(member) {
    const line = make("div", "pg-history-member");
    line.append(make("span", "", this.words.say("seeds.seed", { seed: member.seed })));
    line.append(make("span", "", this.words.say(`run.state.${member.state}`)));
    line.append(make("span", "pg-figure-number", accuracyText([member.accuracy])));
    line.append(make("span", "pg-figure-number", sizeText(member.bytes)));
    const file = line.appendChild(make("a", "pg-history-button"));
    file.download = "";
    file.textContent = this.words.say("history.export");
    file.setAttribute("aria-label", this.words.say("history.export_seed", { seed: member.seed }));
    this.exported(file, member);
    return line;
  }
}

// The kinds that have a tab to be opened in, and the event that asks for it.
const OPENED = new Map([
  ["training", "open_training"],
  ["search", "open_search"],
  ["comparison", "open_comparison"],
]);

/** 0.741, or 0.741 ± 0.020 of several, or a dash of none. */
function accuracyText(values) {
  const known = values.filter(Number.isFinite);
  return known.length ? spreadText(spreadOf(known), 3) : "–";
}

/** As short as it can be read: the time today, the day this year, else the year too. */
function momentText(moment) {
  const at = new Date(moment);
  const now = new Date();
  const language = document.documentElement.lang || "en";
  const day = { month: "short", day: "numeric" };
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const today = at.toDateString() === now.toDateString();
  const thisYear = at.getFullYear() === now.getFullYear();
  const parts = today ? time : thisYear ? { ...day, ...time } : { ...day, year: "numeric" };
  return new Intl.DateTimeFormat(language, parts).format(at);
}
