// Runs over several seeds, live. props.value is {group, texts}.

async function showSeeds({ element, props, watch, poll, tell, pick }) {
  let refreshed = 0;

  const words = new Words(props.texts);
  const single = element.querySelector(".pg-run"); // the place of a run alone
  const root = make("div", "pg-run pg-seeds");
  const body = root.appendChild(make("div", "pg-run-body"));
  const progress = new Progress(body, words);
  const list = new SeedList(body, words, pick);
  const grid = body.appendChild(make("div", "pg-run-grid"));
  const curves = new SeedCurves(await plotlyLibrary(), grid, words, props.seed_figures);
  const lost = (away) => progress.reconnecting(away);
  const follower = new RunFollower(element, { poll, learn, draw, lost, tell });
  const data = new DataLine(body, words, () => (follower.run ? curves.table(list.seeds) : null));

  function learn(events) {
    for (const event of events) curves.take(event);
  }
  function draw(seen, anew = false) {
    progress.show(seen);
    list.show(seen.members ?? []);
    curves.draw({ anew, rests: seen.state !== "running" });
    if (performance.now() - refreshed > 1000 || ENDED.has(seen.state)) {
      refreshed = performance.now();
      data.refresh();
    }
  }
  function take() {
    const said = words.learn(props.value?.texts);
    const wanted = props.value?.group || "";
    if (wanted) single.after(root);
    else root.remove();
    if (wanted !== follower.run) {
      follower.forget(wanted, props.value?.state);
      for (const part of [progress, list]) part.clear();
      curves.clear(wanted);
    } else if (said && follower.seen) draw(follower.seen, true);
    follower.start();
  }
  watch("value", take);
  onTheme(element, () => follower.seen && curves.draw({ anew: true }));
  take();
}
