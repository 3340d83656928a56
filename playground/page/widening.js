// Words near to the labels' own: each a switch, on where the prior speaks for it.
function offerWords({ element, props, watch }) {
  const root = element.querySelector(".pg-widening");
  const make = (tag, className, textContent = "") =>
    Object.assign(document.createElement(tag), { className, textContent });

  function button(className, text, action) {
    const node = make("button", className, text);
    node.type = "button";
    node.addEventListener("click", action);
    return node;
  }
  function wordSwitch({ word, similarity, prior, kept }, texts) {
    const node = button("pg-word", word, () => press(node.getAttribute("aria-pressed") !== "true"));
    const press = (on) => node.setAttribute("aria-pressed", String(on));
    press(kept);
    node.title = texts["more_words.of_word"]
      .replace("{similarity}", similarity.toFixed(2))
      .replace("{prior}", prior.toExponential(1));
    return node;
  }
  function draw() {
    const { groups = [], texts = {} } = props.value ?? {};
    root.replaceChildren();
    root.hidden = !groups.length;
    if (root.hidden) return;
    root.append(make("p", "pg-note", texts["more_words.about"]));
    for (const { label, colour, words } of groups) {
      const line = make("div", "pg-word-group");
      const name = make("span", "pg-word-label", label);
      name.style.setProperty("--pg-label", colour);
      const list = make("span", "pg-word-list");
      list.dataset.label = label;
      list.append(...words.map((word) => wordSwitch(word, texts)));
      if (!words.length) list.append(make("span", "pg-note", texts["more_words.none"]));
      line.append(name, list);
      root.append(line);
    }
    const bar = make("div", "pg-bar");
    bar.append(
      button("pg-small-button", texts["more_words.add"], add),
      button("pg-small-button", texts["more_words.close"], close),
    );
    root.append(bar);
  }
  function add() {
    const chosen = {};
    for (const list of root.querySelectorAll(".pg-word-list")) {
      const pressed = [...list.querySelectorAll("[aria-pressed=true]")];
      chosen[list.dataset.label] = pressed.map((node) => node.textContent);
    }
    document.dispatchEvent(new CustomEvent("pg-words", { detail: chosen }));
    close();
  }
  function close() {
    props.value = null;
    draw();
  }
  watch("value", draw);
  draw();
}
