// What stands over a study's figures: which study, how it stands, what it costs, its orders.

// In which states of a study an order makes sense; "start" goes on as well.
const STUDY_ORDERS = {
  start: ["planned", "paused", "cancelled"],
  pause: ["running"],
  cancel: ["running", "paused"],
  delete: ["planned", "cancelled", "finished"],
};

class StudyHead {
  static SURE = 4000; // ms in which a second click deletes

  /** `does` has choose(study), order(what), copy(). */
  constructor(holder, words, lines, does) {
    Object.assign(this, { words, lines, does, offered: "" });
    const card = holder.appendChild(make("section", "pg-run-card pg-study-head"));
    const top = card.appendChild(make("label", "pg-study-picker"));
    words.bind(top.appendChild(make("span")), "study.study");
    this.picker = top.appendChild(make("select"));
    this.picker.onchange = () => does.choose(this.picker.value);
    this.node = card.appendChild(make("div", "pg-run-progress"));
    const line = this.node.appendChild(make("div", "pg-run-line"));
    const state = line.appendChild(make("span", "pg-run-state"));
    state.append(make("i", "pg-run-dot"));
    this.state = state.appendChild(make("strong"));
    this.state.setAttribute("role", "status");
    this.quiet = line.appendChild(make("span", "pg-figure-note"));
    const numbers = line.appendChild(make("span", "pg-run-numbers"));
    this.count = numbers.appendChild(make("span"));
    this.left = numbers.appendChild(make("span", "pg-run-left"));
    this.track = this.node.appendChild(make("div", "pg-run-track"));
    this.track.setAttribute("role", "progressbar");
    this.bar = this.track.appendChild(make("div", "pg-run-bar"));
    this.cost = card.appendChild(make("p", "pg-study-cost"));
    this.timings = card.appendChild(make("div", "pg-study-timings"));
    this.message = card.appendChild(make("p", "pg-message"));
    this.message.setAttribute("role", "alert");
    this.message.hidden = true;
    const buttons = card.appendChild(make("div", "pg-study-buttons"));
    this.buttons = Object.fromEntries(
      Object.keys(STUDY_ORDERS).map((what) => [what, this.button(buttons, what, () => this.order(what))]),
    );
    const copy = this.button(buttons, "copy", () => does.copy());
    words.bind(copy, "study.copy");
    this.save = words.bind(buttons.appendChild(make("a", "pg-study-button")), "study.export");
    this.save.id = "study-export";
  }
  button(holder, what, act) {
    const made = holder.appendChild(make("button", "pg-study-button"));
    made.type = "button";
    made.id = `study-${what}`;
    made.onclick = act;
    return made;
  }
  order(what) {
    if (what === "delete" && !this.sure) {
      this.sure = setTimeout(() => this.forgetSure(), StudyHead.SURE);
      this.nameButtons();
      return;
    }
    this.forgetSure();
    this.does.order(what);
  }
  forgetSure() {
    clearTimeout(this.sure);
    this.sure = null;
    this.nameButtons();
  }
  complain(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }
  reconnecting(away) {
    this.quiet.textContent = away ? this.words.say("run.reconnecting") : "";
    this.node.classList.toggle("pg-run-lost", away);
  }
  /** The list of studies, with the chosen one. */
  offer(studies, chosen) {
    const told = JSON.stringify([studies, this.words.words]);
    if (told !== this.offered) {
      this.offered = told;
      const options = studies.map(({ id, name, state, created }) => {
        const day = new Date(created).toLocaleString(document.documentElement.lang, {
          ...{ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
        });
        const option = make("option", "", `${name} · ${day} · ${this.words.say(`study.state.${state}`)}`);
        option.value = id;
        return option;
      });
      this.picker.replaceChildren(...options);
    }
    this.picker.value = chosen;
  }
  show() {
    const { study, counts, share, cells } = this.lines;
    const word = this.words.say(`study.state.${study.state}`);
    if (this.state.textContent !== word) this.state.textContent = word;
    this.node.dataset.state = study.state;
    const done = counts.finished ?? 0;
    const failed = (counts.failed ?? 0) + (counts.interrupted ?? 0);
    const told = [this.words.say("study.done", { done, all: cells.length })];
    if (failed) told.push(this.words.say("study.failed_some", { count: failed }));
    this.count.textContent = told.join(" · ");
    this.bar.style.width = `${100 * share}%`;
    this.track.hidden = study.state === "planned";
    this.track.setAttribute("aria-label", word);
    this.track.setAttribute("aria-valuenow", Math.round(100 * share));
    const running = study.state === "running" && study.seconds_left;
    const time = running ? timeText(this.words, study.seconds_left) : "";
    this.left.textContent = time && this.words.say("run.time_left", { time });
    this.showCost();
    for (const [what, button] of Object.entries(this.buttons)) {
      button.hidden = !STUDY_ORDERS[what].includes(study.state);
    }
    this.nameButtons();
    this.save.hidden = !done;
    this.save.href = `studies/${encodeURIComponent(study.id)}.zip`;
    this.save.download = "";
  }
  nameButtons() {
    const { study } = this.lines;
    for (const [what, button] of Object.entries(this.buttons)) {
      const resume = what === "start" && study && study.state !== "planned";
      const id = resume ? "resume" : what === "delete" && this.sure ? "delete_sure" : what;
      button.textContent = this.words.say(`study.order.${id}`);
    }
    this.buttons.start.classList.add("pg-study-primary");
  }
  /** Cells, time and disk of the whole; each method's share until the study has begun. */
  showCost() {
    const { study, cells } = this.lines;
    const told = [this.words.say("study.cost_cells", { count: cells.length })];
    const timing = study.timings.some(({ state }) => state === "queued" || state === "running");
    if (study.seconds !== null) {
      told.push(this.words.say("study.cost_time", { time: timeText(this.words, study.seconds) }));
    } else if (timing) told.push(this.words.say("study.timing"));
    if (study.bytes !== null) told.push(this.words.say("study.cost_disk", { size: sizeText(study.bytes) }));
    this.cost.textContent = told.join(" · ");
    const failed = study.timings.filter(({ reason, cell_seconds: seconds }) => reason && seconds === null);
    const shown = study.state === "planned" ? study.timings : failed;
    this.timings.replaceChildren(...shown.map((found) => this.timing(found)));
    this.timings.hidden = !shown.length;
  }
  timing({ method, model, reason, state, cell_seconds: seconds, bytes }) {
    const line = make("p", "pg-study-timing");
    line.append(make("b", "", this.lines.study.models.length > 1 ? `${method} · ${model}` : method));
    if (seconds !== null) {
      const cost = { time: this.words.say("run.seconds", { count: digits(seconds) }), size: sizeText(bytes) };
      line.append(make("span", "", this.words.say("study.timed", cost)));
    } else {
      line.append(make("span", "", reason || this.words.say(`study.cell.${state}`)));
      line.classList.toggle("pg-study-bad", Boolean(reason));
    }
    return line;
  }
}
