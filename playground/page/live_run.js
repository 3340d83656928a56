// A run, live. props.value is {run, texts}: the browser asks for the run's events after a cursor of
// its own, so a late tab, a reload and a second window all show the whole curve.

const ENDED = new Set(["finished", "stopped", "failed", "interrupted"]);
const BRISK = 80; // ms between two looks at a run that is going on: about twelve a second
const SLOW = 500; // ms while it is paused
const RETRY = { first: 400, longest: 8000 }; // ms between two tries when the server does not answer
const MANY = 200; // events in an answer that promise more: read on, and draw all in one go
const PATIENCE = 4000; // ms to go on asking after a nudge, though the run still says it has ended

async function showRun({ element, props, watch, poll, tell }) {
  let run = "";
  let cursor = 0;
  let round = 0; // a newer round ends the older one
  let seen = null; // the last answer, without its events
  let snapshot = null; // the last one, and the one that is drawn
  let pictured = null;
  let told = ""; // the last state that Python has heard
  let patience = 0; // until when an ended run is asked again
  let refreshed = 0;

  const words = new Words(props.texts);
  const root = element.querySelector(".pg-run");
  const empty = words.bind(root.appendChild(make("p", "pg-figure-empty")), "run.empty");
  const body = root.appendChild(make("div", "pg-run-body"));
  body.hidden = true;
  const progress = new Progress(body, words);
  const grid = body.appendChild(make("div", "pg-run-grid"));
  const curves = new RunCurves(await plotlyLibrary(), grid, words, props.figures);
  const pinned = new PinnedExamples(grid, words);
  const soft = new SoftTokens(grid, words);
  const data = new DataLine(body, words, () => (run ? curves.table() : null));

  function clear() {
    cursor = 0;
    seen = null;
    snapshot = null;
    told = "";
    for (const part of [progress, pinned, soft]) part.clear();
    curves.clear(run);
  }
  function learn(events) {
    for (const event of events) {
      curves.take(event);
      if (event.split === "start") pinned.meet(event);
      if (event.split === "snapshot") snapshot = event;
    }
  }
  function draw(anew = false) {
    progress.show(seen);
    curves.expect(seen.steps);
    curves.draw({ anew, rests: seen.state !== "running" });
    if (snapshot && (anew || snapshot !== pictured)) {
      pictured = snapshot;
      if (snapshot.pinned?.length) pinned.show(snapshot.pinned);
      if (snapshot.soft_tokens) soft.show(snapshot.soft_tokens);
    }
    if (performance.now() - refreshed > 1000 || ENDED.has(seen.state)) {
      refreshed = performance.now();
      data.refresh();
    }
  }
  function announce() {
    const { state, reason, step, steps } = seen;
    if (state === told) return;
    told = state;
    tell({ run, state, reason: reason ?? "", step: step ?? 0, steps: steps ?? 0 });
  }
  async function ask() {
    try {
      return await poll(run, cursor, document.documentElement.lang); // undefined when the server is away
    } catch {
      return undefined;
    }
  }
  async function follow() {
    const mine = ++round;
    let missed = 0;
    let changed = true; // something is not drawn yet
    while (element.isConnected) {
      const began = performance.now();
      const answer = await ask();
      if (mine !== round) return;
      if (!Array.isArray(answer?.events)) {
        progress.reconnecting(true);
        await wait(Math.min(RETRY.longest, RETRY.first * 2 ** missed++));
        if (mine !== round) return;
        continue;
      }
      progress.reconnecting(false);
      missed = 0;
      const { events, ...rest } = answer;
      changed ||= events.length > 0 || rest.state !== seen?.state || rest.step !== seen?.step;
      cursor = rest.cursor ?? cursor;
      seen = rest;
      learn(events);
      if (events.length >= MANY) continue;
      if (changed) draw();
      changed = false;
      announce();
      if (ENDED.has(rest.state) && !events.length && began > patience) return;
      const pace = rest.state === "paused" ? SLOW : BRISK;
      await wait(Math.max(0, pace - (performance.now() - began)));
      if (mine !== round) return;
    }
  }
  function take() {
    const said = words.learn(props.value?.texts);
    const wanted = props.value?.run || "";
    if (wanted !== run) {
      run = wanted;
      clear();
    } else if (said && seen) draw(true);
    empty.hidden = Boolean(run);
    body.hidden = !run;
    round += 1;
    if (run) follow();
  }
  function nudge(event) {
    if (!element.isConnected) return document.removeEventListener("pg-run-nudge", nudge);
    if (!run || event.detail !== run) return;
    patience = performance.now() + PATIENCE;
    follow();
  }
  document.addEventListener("pg-run-nudge", nudge);
  watch("value", take);
  onTheme(element, () => seen && curves.draw({ anew: true }));
  take();
}
