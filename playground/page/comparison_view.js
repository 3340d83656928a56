// A comparison, live. props.value is {run, texts, templates, verbalizers, labels}: `verbalizers`
// have a name and colours by label.

function showComparison({ element, props, watch, poll, fetch, tell }) {
  let filter = null; // {truth, predicted} of the confusion matrix
  const words = new Words(props.texts);
  const root = element.querySelector(".pg-run");
  const empty = words.bind(root.appendChild(make("p", "pg-figure-empty")), "compare.empty");
  const body = root.appendChild(make("div", "pg-run-body"));
  body.hidden = true;
  const progress = new Progress(body, words);
  const matrix = new ComparisonMatrix(body, words, (...cell) => pick(null, ...cell));
  const data = new DataLine(matrix.node, words, () => matrix.data("comparison"));
  const detail = body.appendChild(make("div", "pg-comparison-detail"));
  const confusion = new ConfusionMatrix(detail, words, (chosen) => pick(chosen, ...matrix.chosen));
  const examples = new ComparedExamples(detail, words, fetch);
  const lost = (away) => progress.reconnecting(away);
  const follower = new RunFollower(element, { poll, learn, draw, lost, tell });

  function learn(events) {
    for (const event of events) if (event.cells) matrix.take(event.cells);
  }
  function draw(seen) {
    progress.show(seen);
    matrix.draw();
    data.refresh();
    const ended = ENDED.has(seen.state);
    if (!matrix.chosen && ended) choose();
    else if (matrix.chosen) pick(filter, ...matrix.chosen);
  }
  /** The best cell is looked at first. */
  function choose() {
    const done = [...matrix.cells.values()].filter((cell) => cell.done);
    if (!done.length) return;
    const best = done.reduce((a, b) => (b.raw.accuracy > a.raw.accuracy ? b : a));
    matrix.chosen = [best.template, best.verbalizer];
    matrix.draw();
    pick(null, ...matrix.chosen);
  }
  function pick(chosen, template, verbalizer) {
    filter = chosen;
    const figures = matrix.figures(template, verbalizer);
    detail.hidden = !figures;
    if (!figures) return;
    confusion.show(matrix.labels, figures.confusion, filter);
    const { calibrated, labels } = matrix;
    const colours = matrix.verbalizers[verbalizer].colours;
    const query = { run: follower.run, template, verbalizer, calibrated, filter };
    // one that goes on has no examples to show yet
    examples.node.hidden = !ENDED.has(follower.seen?.state);
    if (!examples.node.hidden) examples.show({ ...query, labels, colours, templates: matrix.rows });
  }
  function take() {
    const value = props.value ?? {};
    words.learn(value.texts);
    const wanted = value.run || "";
    if (wanted !== follower.run) {
      filter = null;
      follower.forget(wanted, props.value.state);
      progress.clear();
      matrix.clear({ templates: [], verbalizers: [], labels: [], ...value });
      detail.hidden = true;
    }
    empty.hidden = Boolean(wanted);
    body.hidden = !wanted;
    follower.start();
  }
  watch("value", take);
  take();
}
