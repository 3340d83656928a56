// The example that fills the template: one text box for each field that the template names.
function editRow({ element, props, watch }) {
  const root = element.querySelector(".pg-row");
  let drawn = "";
  const fields = () => (props.value && props.value.fields) || [];
  const texts = () => (props.value && props.value.row) || {};

  const fit = (area) => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, 220)}px`;
  };

  function draw() {
    drawn = JSON.stringify(fields());
    root.textContent = "";
    for (const name of fields()) {
      const label = document.createElement("label");
      label.className = "pg-field";
      const title = document.createElement("span");
      title.className = "pg-field-name";
      title.textContent = `{${name}}`;
      const area = document.createElement("textarea");
      area.rows = 2;
      area.dataset.field = name;
      area.value = texts()[name] ?? "";
      area.addEventListener("input", () => {
        fit(area);
        // an edited example is the person's own: the true label is no longer known
        props.value = { ...props.value, row: { ...texts(), [name]: area.value }, label: null };
      });
      label.append(title, area);
      root.append(label);
      requestAnimationFrame(() => fit(area));
    }
  }

  watch("value", () => {
    if (JSON.stringify(fields()) !== drawn) return draw();
    for (const area of root.querySelectorAll("textarea")) {
      const text = texts()[area.dataset.field] ?? "";
      if (area !== document.activeElement && area.value !== text) {
        area.value = text;
        fit(area);
      }
    }
  });
  draw();
}
