// A figure that Python computed: drawn into one node that is kept, with its data under it.
// props.value is {figure, table: {columns, rows}, name, texts} or null; props.texts are the words
// until a value brings its own.

async function showFigure({ element, props, watch }) {
  const words = new Words(props.texts);
  const root = element.querySelector(".pg-figure");
  const empty = root.appendChild(make("p", "pg-figure-empty"));
  const holder = root.appendChild(make("div", "pg-figure-drawing"));
  holder.hidden = true;
  const plot = new Plot(await plotlyLibrary(), holder);
  let value = null;
  const table = () => value?.table && { name: value.name, ...value.table };
  const data = new DataLine(root, words, table);

  function show() {
    holder.hidden = !value?.figure;
    empty.hidden = !holder.hidden;
    empty.textContent = words.say("figure.empty");
    holder.setAttribute("role", "figure");
    holder.setAttribute("aria-label", words.say("figure.alt"));
    // The empty state keeps the height of what it replaces, so that nothing below it jumps.
    if (holder.hidden) empty.style.minHeight = plot.node.style.minHeight;
    else {
      plot.reserve(value.figure.layout?.height);
      plot.draw(() => value.figure);
    }
    data.refresh();
  }
  function take() {
    value = props.value || null;
    words.learn(value?.texts);
    show();
  }
  watch("value", take);
  onTheme(element, show);
  take();
}
