// What the seeds have come to: the sentence with their mean, and a line for each.

class SeedList {
  constructor(holder, words, pick) {
    this.words = words;
    this.pick = pick;
    this.node = holder.appendChild(make("section", "pg-run-card pg-seed-list"));
    this.said = this.node.appendChild(make("p", "pg-seed-said"));
    this.rows = this.node.appendChild(make("div", "pg-seed-rows"));
    this.clear();
  }
  clear() {
    this.said.textContent = "";
    this.rows.replaceChildren();
    this.seeds = new Map(); // run: its seed
  }
  show(members) {
    const sentence = this.sentence(members);
    if (this.said.textContent !== sentence) this.said.textContent = sentence;
    while (this.rows.children.length > members.length) this.rows.lastChild.remove();
    members.forEach((member, index) => {
      this.seeds.set(member.run, member.seed);
      this.fill(this.rows.children[index] ?? this.create(), member);
    });
  }
  /** “Dev accuracy 0.74 ± 0.02 over 5 seeds”, and whether that is their last word. */
  sentence(members) {
    const known = members.map((member) => member.dev_accuracy).filter(Number.isFinite);
    if (!known.length) return this.words.say("seeds.waiting");
    const values = { spread: spreadText(spreadOf(known)), count: known.length, all: members.length };
    const done = members.every((member) => member.state === "finished");
    return this.words.say(done ? "seeds.result" : "seeds.so_far", values);
  }
  create() {
    const row = this.rows.appendChild(make("button", "pg-seed-row"));
    row.type = "button";
    for (const part of ["seed", "state", "steps", "track", "value"]) {
      row.append(make("span", `pg-seed-${part}`));
    }
    row.querySelector(".pg-seed-track").append(make("i"));
    return row;
  }
  fill(row, { run, seed, state, step, steps, dev_accuracy: accuracy, best }) {
    const [name, word, count, track, value] = row.children;
    const known = Number.isFinite(accuracy);
    name.textContent = this.words.say("seeds.seed", { seed });
    word.textContent = this.words.say(`run.state.${state}`);
    count.textContent = steps ? `${step} / ${steps}` : "";
    value.textContent = known ? accuracy.toFixed(3) : "";
    track.firstChild.style.width = known ? `${100 * accuracy}%` : "0";
    row.dataset.state = state;
    row.classList.toggle("pg-seed-best", best);
    row.title = this.words.say(best ? "seeds.best" : "seeds.show");
    row.onclick = () => this.pick(run);
  }
}
