// A study, live: the browser asks how it stands and draws what has changed. props.value is
// {study, texts}; which study is chosen is also in the address.

async function showStudy({ element, props, watch, server, trigger }) {
  const PACE = { alive: 1000, idle: 4000, hidden: 10_000 }; // ms between two looks
  let chosen = "";
  let seen = ""; // the tag of the last answer
  let studies = [];
  let round = 0; // a newer round ends the older one
  let told = ""; // what Python has heard last

  const words = new Words(props.texts);
  const lines = new StudyLines();
  const root = element.querySelector(".pg-study");
  const empty = root.appendChild(make("div", "pg-figure-empty pg-study-empty"));
  words.bind(empty.appendChild(make("p")), "study.empty");
  const begin = words.bind(empty.appendChild(make("button", "pg-study-button pg-study-primary")), "study.reproduce");
  begin.type = "button";
  begin.onclick = () => trigger("reproduce", {});
  const body = root.appendChild(make("div", "pg-run-body"));
  body.hidden = empty.hidden = true;
  const head = new StudyHead(body, words, lines, { choose, order, copy: () => trigger("copy", {}) });
  const open = (run) => trigger("open", { run });
  const pictures = body.appendChild(make("div", "pg-run-body"));
  const figures = new StudyFigures(await plotlyLibrary(), pictures, words, props.figures, lines, open);
  const cells = new StudyCells(body, words, lines, { open, retry });

  async function ask(what, asked) {
    try {
      return await server[what]({ ...asked, language: document.documentElement.lang });
    } catch {
      return undefined; // the server is away
    }
  }
  async function order(what, run) {
    const answer = await ask("order_study", { study: chosen, what, run });
    head.complain(answer ? (answer.error ?? "") : words.say("run.reconnecting"));
    if (what === "delete" && answer && !answer.error) choose("");
    else follow();
  }
  async function retry(runs = [undefined]) {
    for (const run of runs) await order("retry", run);
  }
  function choose(study) {
    if (study !== chosen) {
      seen = "";
      lines.clear();
      head.complain("");
    }
    chosen = study;
    follow();
  }
  /** Tells Python, whose buttons follow, and the address. */
  function announce() {
    const now = JSON.stringify([chosen, lines.study?.state, lines.cells.length]);
    if (now === told) return;
    told = now;
    playgroundRemember("study", chosen);
    props.value = { ...props.value, study: chosen };
    trigger("stand", {});
  }
  async function follow() {
    const mine = ++round;
    while (element.isConnected && mine === round) {
      const began = performance.now();
      if (root.offsetParent && words.say("study.empty")) await look(mine);
      if (mine !== round) return;
      // a study of thousands of cells takes a while to tell: it may take a fifth of the time
      await wait(Math.max(pace(), 4 * (performance.now() - began)));
    }
  }
  function pace() {
    if (document.hidden) return PACE.hidden;
    if (!root.offsetParent) return 300; // asks nothing
    const timing = lines.study?.timings.some(({ state }) => state === "queued" || state === "running");
    const busy = lines.cells.some(({ state }) => state === "queued" || state === "running");
    return lines.study?.state === "running" || timing || busy ? PACE.alive : PACE.idle;
  }
  async function look(mine) {
    const answer = await ask("follow_study", { study: chosen, seen });
    if (mine !== round) return;
    head.reconnecting(!answer);
    if (!answer || answer.tag === seen) return;
    seen = answer.tag;
    studies = answer.studies;
    if (!answer.study && studies.length) {
      // none is chosen, or it was deleted: the newest
      chosen = studies[0].id;
      seen = "";
      lines.clear();
      return look(mine);
    }
    if (!answer.study) chosen = "";
    lines.take(answer);
    show();
    announce();
  }
  function show() {
    empty.hidden = Boolean(lines.study);
    body.hidden = !lines.study;
    head.offer(studies, chosen);
    if (!lines.study) return;
    head.show();
    pictures.hidden = lines.study.state === "planned";
    figures.draw();
    cells.draw();
  }
  function take() {
    const said = words.learn(props.value?.texts);
    const wanted = props.value?.study || "";
    if (wanted && wanted !== chosen) {
      choose(wanted);
      // it may lie above the button that was pressed, or on a phone below it
      const { top } = root.getBoundingClientRect();
      if (top < 0 || top > innerHeight) root.scrollIntoView();
    }
    else if (said) {
      if (lines.study) show();
      follow();
    }
  }
  watch("value", take);
  onTheme(element, () => lines.study && figures.draw());
  chosen = props.value?.study || new URLSearchParams(location.search).get("study") || "";
  words.learn(props.value?.texts);
  follow();
}
