// A training run, live. props.value is {run, texts}.

async function showRun({ element, props, watch, poll, tell }) {
  let pictured = null; // the snapshot that is drawn
  let refreshed = 0;
  let early = false; // it ended before all steps were made
  let phase = null; // of a run that consists of several trainings
  let together = null; // what their models say together on dev, so far

  const words = new Words(props.texts);
  const root = element.querySelector(".pg-run");
  const empty = words.bind(root.appendChild(make("p", "pg-figure-empty")), "run.empty");
  const body = root.appendChild(make("div", "pg-run-body"));
  body.hidden = true;
  const progress = new Progress(body, words);
  const grid = body.appendChild(make("div", "pg-run-grid"));
  const plotly = await plotlyLibrary();
  const curves = new RunCurves(plotly, grid, words, props.figures);
  const replay = new Replay(grid, words, () => {
    picture();
    map.show(replay.snapshot);
  });
  const pinned = new PinnedExamples(grid, words);
  const soft = new SoftTokens(grid, words);
  const map = new SoftTokenMap(plotly, grid, words, props.map_figure, (label) => pinned.colour(label));
  const lost = (away) => progress.reconnecting(away);
  const follower = new RunFollower(element, { poll, learn, draw, lost, tell });
  const data = new DataLine(body, words, () => (follower.run ? curves.table() : null));

  function learn(events) {
    for (const event of events) {
      curves.take(event);
      map.take(event);
      if (event.split === "start") pinned.meet(event);
      if (event.split === "snapshot") replay.take(event);
      if (event.split === "end") early = event.early;
      else if (event.split === "train") early = false; // a phase may end early, and the next begin
      if (event.split === "ensemble" && event.phase.number > 1) together = event.accuracy ?? null;
      phase = event.phase ?? null;
    }
  }
  function draw(seen, anew = false) {
    progress.show(seen);
    progress.keep([underWay(), kept(seen), on(seen)].filter(Boolean).join(" · "));
    curves.expect(seen.steps);
    curves.draw({ anew, rests: seen.state !== "running" });
    replay.draw();
    picture(anew);
    map.show(replay.snapshot, { anew, haste: !replay.follows || seen.state !== "running" });
    if (performance.now() - refreshed > 1000 || ENDED.has(seen.state)) {
      refreshed = performance.now();
      data.refresh();
    }
  }
  function underWay() {
    if (!phase) return "";
    const name = words.say(`run.phase.${phase.name}`, phase);
    if (together === null) return name;
    return `${name} · ${words.say("run.together", { accuracy: digits(together) })}`;
  }
  function kept({ state }) {
    if (curves.best === null) return "";
    const id = early ? "run.ended_early" : ENDED.has(state) ? "run.kept" : "run.best_so_far";
    return words.say(id, { step: curves.best.toLocaleString("en-US") });
  }
  function on({ node }) {
    return node ? words.say("run.on_node", { node }) : "";
  }
  function picture(anew = false) {
    const { snapshot } = replay;
    if (!snapshot || (!anew && snapshot === pictured)) return;
    pictured = snapshot;
    if (snapshot.pinned?.length) pinned.show(snapshot.pinned);
    if (snapshot.soft_tokens) soft.show(snapshot.soft_tokens);
  }
  function take() {
    const said = words.learn(props.value?.texts);
    const wanted = props.value?.run || "";
    if (wanted !== follower.run) {
      early = false;
      phase = together = null;
      follower.forget(wanted, props.value.state);
      for (const part of [progress, replay, pinned, soft]) part.clear();
      for (const part of [curves, map]) part.clear(wanted);
    } else if (said && follower.seen) draw(follower.seen, true);
    root.hidden = Boolean(props.value?.group); // live_seeds.js shows it
    empty.hidden = Boolean(wanted);
    body.hidden = !wanted;
    follower.start();
  }
  watch("value", take);
  onTheme(element, () => {
    if (follower.seen) curves.draw({ anew: true });
    map.show(replay.snapshot, { anew: true });
  });
  take();
}
