// The predicted label in its colour, whether it is the true one, and how long the answer took.
function showPrediction({ element, props, watch }) {
  const root = element.querySelector(".pg-prediction");
  root.setAttribute("aria-live", "polite");
  const part = (className, text) => {
    const node = document.createElement("span");
    node.className = className;
    node.textContent = text;
    root.append(node);
    return node;
  };
  function draw() {
    const value = props.value;
    root.textContent = "";
    if (!value) return;
    part("pg-note", value.word);
    part("pg-dot", "").style.background = value.colour || "transparent";
    part("pg-prediction-label", value.label);
    if (value.truth) part(`pg-truth pg-${value.verdict}`, value.truth);
    part("pg-time", value.time);
  }
  watch("value", draw);
  draw();
}
