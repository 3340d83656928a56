// Offers to convert a template of another tool. What changed stays in view until the next edit.
function offerConversion(root) {
  const make = (tag, className, textContent) =>
    Object.assign(document.createElement(tag), { className, textContent });

  function draw(sentence, notes, ...between) {
    root.replaceChildren(make("div", "", sentence), ...between);
    if (notes.length) {
      const list = make("ul", "", "");
      list.append(...notes.map((note) => make("li", "", note)));
      root.append(list);
    }
    root.hidden = false;
  }

  function convert({ template, notes, done }) {
    const area = document.querySelector("#template textarea");
    playgroundWrite(area, template);
    draw(done, notes);
    root.dataset.converted = template;
  }

  document.addEventListener("pg-offer", ({ detail: offer }) => {
    if (offer?.template) {
      const button = make("button", "pg-small-button", offer.button);
      button.type = "button";
      button.addEventListener("click", () => convert(offer));
      const row = make("div", "pg-offer-row", "");
      row.append(make("code", "pg-mono", offer.template), button);
      draw(offer.sentence, offer.notes, row);
      delete root.dataset.converted;
    } else if (root.dataset.converted !== document.querySelector("#template textarea")?.value) {
      root.hidden = true;
    }
  });
}
