// A search for words, live. props.value is {run, state, texts}.

async function showSearch({ element, props, watch, poll, tell }) {
  let found = null; // the last event that brought words, and the one that is drawn
  let pictured = null;
  let refreshed = 0;

  const words = new Words(props.texts);
  const root = element.querySelector(".pg-run");
  const empty = words.bind(root.appendChild(make("p", "pg-figure-empty")), "search.empty");
  const body = root.appendChild(make("div", "pg-run-body"));
  body.hidden = true;
  const progress = new Progress(body, words);
  const triggers = new Triggers(body, words);
  const grid = body.appendChild(make("div", "pg-run-grid"));
  const curves = new RunCurves(await plotlyLibrary(), grid, words, props.figures);
  const candidates = new Candidates(grid, words);
  const labelWords = new LabelWords(grid, words);
  const lost = (away) => progress.reconnecting(away);
  const follower = new RunFollower(element, { poll, learn, draw, lost, tell });
  const data = new DataLine(body, words, () => (follower.run ? curves.table() : null));

  function learn(events) {
    for (const event of events) {
      // how well the words do as they are is what a training calls its loss and accuracy
      curves.take(event.split === "search" ? { ...event, split: "train" } : event);
      if (event.split === "start") {
        triggers.meet(event);
        labelWords.meet(event);
      }
      if (event.split === "dev") triggers.measured(event);
      if (event.triggers || event.words) found = event;
    }
  }
  function draw(seen, anew = false) {
    progress.show(seen);
    curves.expect(seen.steps);
    curves.draw({ anew, rests: seen.state !== "running" });
    if (found && (anew || found !== pictured)) {
      pictured = found;
      triggers.show(found);
      candidates.show(found.candidates ?? []);
      labelWords.show(found.words ?? []);
    }
    if (performance.now() - refreshed > 1000 || ENDED.has(seen.state)) {
      refreshed = performance.now();
      data.refresh();
    }
  }
  function take() {
    const said = words.learn(props.value?.texts);
    const wanted = props.value?.run || "";
    if (wanted !== follower.run) {
      found = null;
      follower.forget(wanted, props.value.state);
      for (const part of [progress, triggers, candidates, labelWords]) part.clear();
      curves.clear(wanted);
    } else if (said && follower.seen) draw(follower.seen, true);
    empty.hidden = Boolean(wanted);
    body.hidden = !wanted;
    follower.start();
  }
  watch("value", take);
  onTheme(element, () => follower.seen && curves.draw({ anew: true }));
  take();
}
