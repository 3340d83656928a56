// In which settings the ticked runs differ, or all of them.

class ComparedSettings {
  /** `ask(ids)` answers {ids, rows: [{name, texts, same}]}. */
  constructor(holder, words, compared, ask) {
    Object.assign(this, { words, compared, ask, answer: null, all: false, asked: "" });
    this.node = holder.appendChild(make("section", "pg-run-card pg-history-settings"));
    const head = this.node.appendChild(make("header"));
    words.bind(head.appendChild(make("h3")), "history.settings");
    const choice = head.appendChild(make("div", "pg-switch-row"));
    this.buttons = [false, true].map((all) => {
      const button = choice.appendChild(make("button"));
      words.bind(button, all ? "history.all_settings" : "history.only_differences");
      button.type = "button";
      button.onclick = () => {
        this.all = all;
        this.draw();
      };
      return button;
    });
    this.note = this.node.appendChild(make("p", "pg-figure-note"));
    this.frame = this.node.appendChild(make("div", "pg-history-settings-frame"));
    this.frame.tabIndex = 0;
    const save = words.bind(this.node.appendChild(make("button", "pg-figure-button")), "figure.csv");
    save.type = "button";
    save.onclick = () => download("settings", csv(this.table()));
    this.save = save;
    this.draw();
  }
  /** Another choice of runs, or another language. */
  async show() {
    const { ids } = this.compared;
    const asked = JSON.stringify([ids, document.documentElement.lang]);
    if (asked === this.asked) return this.draw();
    this.asked = asked;
    const answer = ids.length ? await this.ask(ids) : null;
    if (asked !== this.asked) return;
    if (!answer && ids.length) this.asked = ""; // the server is away: ask again next time
    this.answer = answer ?? this.answer;
    this.draw();
  }
  get rows() {
    return (this.answer?.rows ?? []).filter(({ texts, same }) => (this.all ? texts.some(Boolean) : !same));
  }
  draw() {
    this.buttons.forEach((button, index) =>
      button.setAttribute("aria-pressed", String(Boolean(index) === this.all)),
    );
    const ids = this.answer?.ids ?? [];
    const { rows } = this;
    const id = ids.length < 2 ? "history.tick_another" : "history.no_differences";
    this.note.textContent = this.words.say(id);
    this.note.hidden = rows.length > 0;
    this.frame.hidden = this.save.hidden = !rows.length;
    this.frame.classList.toggle("pg-history-all", this.all);
    const grid = make("table");
    const head = grid.appendChild(make("thead")).appendChild(make("tr"));
    head.append(make("th", "", this.words.say("history.setting.column")));
    for (const each of ids.filter((each) => this.compared.colour(each))) {
      const cell = head.appendChild(make("th"));
      cell.scope = "col";
      cell.append(swatchOf(this.compared, each), make("span", "", this.compared.name(each)));
    }
    const body = grid.appendChild(make("tbody"));
    for (const { name, texts, same } of rows) {
      const line = body.appendChild(make("tr", same ? "" : "pg-history-differs"));
      line.appendChild(make("th", "", name)).scope = "row";
      texts.forEach((text, at) => {
        if (this.compared.colour(ids[at])) line.append(make("td", "", text || "–"));
      });
    }
    this.frame.replaceChildren(grid);
  }
  table() {
    const names = this.answer.ids.map((id) => this.compared.name(id));
    const columns = [this.words.say("history.setting.column"), ...names];
    return { columns, rows: this.rows.map(({ name, texts }) => [name, ...texts]) };
  }
}
