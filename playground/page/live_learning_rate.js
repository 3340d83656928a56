// A learning-rate finder, live: the loss over the rate, and the rate that it suggests. props.value
// is {run, state, texts}.

async function showLearningRate({ element, props, watch, poll, tell }) {
  let bounds = null; // the lowest and the highest rate
  let points = []; // the events of the steps
  let end = null; // the event with the suggestion

  const words = new Words(props.texts);
  const root = element.querySelector(".pg-run");
  const title = words.bind(root.appendChild(make("h3")), "rate.title");
  title.className = "pg-rate-title";
  const progress = new Progress(root, words);
  const plot = new Plot(await plotlyLibrary(), root);
  plot.reserve(props.figure.layout.height);
  const found = root.appendChild(make("p", "pg-rate-found"));
  found.setAttribute("role", "status");
  const note = root.appendChild(make("p", "pg-figure-note"));
  const lost = (away) => progress.reconnecting(away);
  const follower = new RunFollower(element, { poll, learn, draw, lost, tell });
  const data = new DataLine(root, words, table);

  function forget() {
    bounds = end = null;
    points = [];
    found.textContent = note.textContent = "";
  }
  function learn(events) {
    for (const event of events) {
      if (event.split === "start") bounds = [event.lowest, event.highest];
      if (event.split === "train") points.push(event);
      if (event.split === "suggestion") end = event;
    }
  }
  function draw(seen) {
    progress.show(seen);
    plot.draw(figure);
    if (end) found.textContent = sentence();
    if (end?.settings) note.textContent = words.say("rate.note");
    data.refresh();
  }
  function sentence() {
    if (!end.settings) return words.say("rate.none");
    const { learning_rate: rate, model_learning_rate: model } = end.settings;
    const id = model === undefined ? "rate.suggestion" : "rate.suggestion_with_model";
    return words.say(id, { rate, model });
  }
  function figure() {
    const drawn = structuredClone(props.figure);
    const { layout } = drawn;
    const rates = points.map((event) => event.learning_rate);
    // as high as the loss was at first, and as much again: what diverges leaves the picture
    const top = 2 * (points[Math.min(9, points.length - 1)]?.smoothed ?? 0.5);
    const lines = {
      loss: [rates, points.map((event) => event.loss)],
      smoothed: [rates, points.map((event) => event.smoothed)],
      suggestion: end?.settings ? [[end.learning_rate, end.learning_rate], [0, top]] : [[], []],
    };
    for (const trace of drawn.data) {
      [trace.x, trace.y] = lines[trace.meta];
      trace.name = plain(words.say(`rate.${trace.meta}`));
    }
    const rate = plain(words.say("rate.learning_rate"));
    layout.xaxis.title.text = rate;
    layout.xaxis.unifiedhovertitle = { text: `${rate} %{x:.2~g}` };
    if (bounds) layout.xaxis.range = bounds.map(Math.log10);
    layout.yaxis.range = [0, top];
    return drawn;
  }
  function table() {
    const columns = ["learning_rate", "loss", "smoothed"];
    return {
      name: `learning-rate-${follower.run}`,
      columns: columns.map((column) => words.say(`rate.${column}`)),
      rows: points.map((event) => columns.map((column) => event[column] ?? null)),
    };
  }
  function take() {
    const said = words.learn(props.value?.texts);
    const wanted = props.value?.run || "";
    if (wanted !== follower.run) {
      follower.forget(wanted, props.value.state);
      progress.clear();
      forget();
      plot.draw(figure);
    } else if (said && follower.seen) draw(follower.seen);
    follower.start();
  }
  watch("value", take);
  onTheme(element, () => plot.draw(figure));
  plot.draw(figure);
  take();
}
