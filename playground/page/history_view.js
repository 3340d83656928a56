// The Runs tab: all runs, looked through by the browser. props.value is {texts, imported}.

async function showHistory({ element, props, watch, server, trigger }) {
  const PAGE = 50; // rows at a time
  const MOST = 200; // rows that are kept up to date
  const PACE = { alive: 1000, idle: 4000 }; // ms between two looks at what has changed

  const words = new Words(props.texts);
  const compared = new Compared();
  const root = element.querySelector(".pg-history");
  const bar = root.appendChild(make("div", "pg-history-bar"));
  const filters = new HistoryFilters(bar, words, () => {
    table.frame.scrollTop = 0;
    look();
  });
  const told = root.appendChild(make("p", "pg-history-told"));
  const found = told.appendChild(make("span"));
  const disk = told.appendChild(make("span"));
  found.setAttribute("role", "status");
  const message = root.appendChild(make("p", "pg-message"));
  const empty = root.appendChild(make("div", "pg-figure-empty pg-history-empty"));
  const does = { tick, open, change, tag: (tag) => filters.set({ tag }), older };
  const table = new HistoryTable(root, words, does, (id) => compared.colour(id));
  const hint = words.bind(root.appendChild(make("p", "pg-figure-empty")), "history.compare_hint");
  const together = root.appendChild(make("div", "pg-history-together"));
  const head = together.appendChild(make("div", "pg-run-card pg-history-compared"));
  const heading = head.appendChild(make("header"));
  words.bind(heading.appendChild(make("h3")), "history.compared");
  const leave = words.bind(heading.appendChild(make("button", "pg-figure-button")), "history.leave_all_out");
  const away = words.bind(heading.appendChild(make("button", "pg-figure-button")), "history.delete_compared");
  leave.type = away.type = "button";
  leave.onclick = () => leaveOut(compared.ids);
  away.onclick = () => deleteAll(compared.ids);
  const chips = new ComparedChips(head, words, compared, leaveOut);
  const grid = together.appendChild(make("div", "pg-run-grid"));
  const bare = words.bind(together.appendChild(make("p", "pg-figure-note")), "history.no_curves");
  const undoBar = root.appendChild(make("div", "pg-history-undo"));
  for (const part of [message, empty, table.frame, hint, together, bare, undoBar]) part.hidden = true;
  const overlay = new Overlay(await plotlyLibrary(), grid, words, props.figures, compared);
  const data = new DataLine(together, words, () => (compared.ids.length ? overlay.table() : null));
  const settings = new ComparedSettings(together, words, compared, (ids) => ask("read_settings", { runs: ids }));

  let round = 0; // a newer search ends the older one
  let rows = [];
  let more = false;
  let uncounted = true; // what is counted on the page is not what is listed
  let started = false;
  let busy = false; // a look at what has changed is under way

  /** The server's answer, undefined while it is away. */
  async function ask(what, asked = {}) {
    try {
      return await server[what]({ ...asked, language: document.documentElement.lang });
    } catch {
      return undefined;
    }
  }
  function complain(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  // ---- finding

  /** Looks for what the filters say, from the newest on; counts it unless nothing has changed. */
  async function look(limit = PAGE, { again = false } = {}) {
    const mine = ++round;
    remember();
    const wanted = filters.wanted;
    const answer = await ask("find_runs", { ...wanted, limit });
    if (mine !== round) return;
    complain(answer ? "" : words.say("run.reconnecting"));
    if (!answer) return;
    // rows beyond those that were asked for stay as they are
    const last = answer.rows.at(-1)?.id.slice(-12);
    const same = again && JSON.stringify(answer.rows) === JSON.stringify(rows.slice(0, limit));
    const beyond = limit > PAGE && answer.more ? rows.filter(({ id }) => id.slice(-12) < last) : [];
    rows = [...answer.rows, ...beyond];
    if (!beyond.length) more = answer.more;
    show();
    uncounted ||= !same;
    if (!uncounted) return;
    const counted = await ask("count_runs", wanted);
    if (mine !== round || !counted) return; // the next look counts
    uncounted = false;
    count(counted);
  }
  async function older() {
    const mine = ++round;
    const answer = await ask("find_runs", { ...filters.wanted, limit: PAGE, before: rows.at(-1)?.id });
    if (mine !== round || !answer) return;
    rows = [...rows, ...answer.rows];
    more = answer.more;
    show();
    table.lines.get(answer.rows[0]?.id)?.node.querySelector("button:not(:disabled)")?.focus();
  }
  function show() {
    for (const row of rows) compared.learn(row);
    table.show(rows, { more, deleted: filters.deleted });
    table.frame.hidden = !rows.length;
    empty.hidden = rows.length > 0;
    if (!rows.length) showEmpty();
    hint.hidden = !rows.length || compared.ids.length > 0 || filters.deleted;
  }
  function showEmpty() {
    const { narrowed, deleted } = filters;
    const id = narrowed ? "nothing_found" : deleted ? "nothing_deleted" : "none_yet";
    empty.replaceChildren(make("p", "", words.say(`history.${id}`)));
    const button = (text, act) => {
      const made = empty.appendChild(make("button", "pg-history-button", text));
      made.type = "button";
      made.onclick = act;
    };
    if (narrowed) button(words.say("history.clear"), () => filters.clear.click());
    if (narrowed || deleted) return;
    for (const kind of OPENED.keys()) {
      button(words.say(`history.go.${kind}`), () => trigger("begin", { kind }));
    }
  }
  function count({ found: so, all, deleted, choices }) {
    const [some, every] = [so, all].map((number) => number.toLocaleString("en-US"));
    const id = filters.deleted
      ? "history.found_deleted"
      : filters.narrowed
        ? "history.found"
        : all === 1
          ? "history.found_one"
          : "history.found_all";
    found.textContent = words.say(id, { found: some, all: every });
    found.title = words.say("history.count_help");
    told.hidden = !all && !deleted;
    bar.hidden = !all && !deleted;
    filters.offer(choices);
    filters.told(deleted);
  }
  async function weigh() {
    const answer = await ask("disk_used");
    if (!answer) return;
    disk.textContent = words.say("history.disk", { size: sizeText(answer.bytes) });
    disk.title = words.say("history.disk_help");
  }

  // ---- changing

  function open({ id: run, kind }) {
    complain("");
    trigger(OPENED.get(kind), { run });
  }
  /** Does something to an entry; resolves to the sentence why not, or "". */
  async function change(row, what, value) {
    const answer = await ask("change_run", { run: row.id, what, value });
    const error = answer ? (answer.error ?? "") : words.say("run.reconnecting");
    if (error) {
      if (what === "delete" || what === "restore" || what === "purge") complain(error);
      return error;
    }
    if (what === "delete") {
      compared.delete(row.id);
      overlay.forget(row.id);
      offerUndo([row]);
    }
    await look(Math.max(PAGE, Math.min(rows.length, MOST)));
    compare();
    if (["delete", "restore", "purge"].includes(what)) weigh();
    return "";
  }
  async function deleteAll(ids) {
    const deleted = [];
    for (const run of ids) {
      const answer = await ask("change_run", { run, what: "delete" });
      if (answer?.error) complain(answer.error);
      else if (answer) deleted.push({ id: run, name: compared.name(run) });
    }
    leaveOut(deleted.map(({ id }) => id));
    if (deleted.length) offerUndo(deleted);
    look();
    weigh();
  }
  /** What was deleted last can be brought back at once; the rest is among the deleted ones. */
  function offerUndo(deleted) {
    const [one, ...others] = deleted;
    const values = { name: titleOf(one), count: deleted.length };
    const text = words.say(others.length ? "history.deleted_some" : "history.deleted_one", values);
    const close = () => {
      undoBar.hidden = true;
    };
    const button = (id, act) => {
      const made = make("button", "pg-history-button", words.say(id));
      made.type = "button";
      made.onclick = act;
      return made;
    };
    const undo = button("history.undo", async () => {
      close();
      for (const { id } of deleted) await ask("change_run", { run: id, what: "restore" });
      look();
      weigh();
    });
    const said = make("span", "", text);
    said.setAttribute("role", "status");
    undoBar.replaceChildren(said, undo, button("history.dismiss", close));
    undoBar.hidden = false;
  }

  // ---- comparing

  /** Ticks a row or takes its tick away; returns whether it is ticked now. */
  function tick(row, ticked) {
    if (ticked && compared.full) {
      complain(words.say("history.most", { count: Compared.MOST }));
      return false;
    }
    if (!ticked) leaveOut([row.id]);
    else {
      compared.add(row.id, row);
      compare();
    }
    return ticked;
  }
  function leaveOut(ids) {
    for (const id of ids) {
      compared.delete(id);
      overlay.forget(id);
    }
    complain("");
    compare();
  }
  /** Brings figures and settings up to what is ticked. */
  async function compare() {
    remember();
    show();
    together.hidden = !compared.ids.length;
    if (!compared.ids.length) return;
    settings.show();
    await readCurves(true);
  }
  async function readCurves(anew = false) {
    const { ids } = compared;
    const answer = await ask("read_curves", { runs: ids, seen: overlay.seen });
    if (!answer || JSON.stringify(ids) !== JSON.stringify(compared.ids)) return;
    const there = new Set(answer.entries.map(({ row }) => row.id));
    const gone = ids.filter((id) => !there.has(id));
    for (const { row } of answer.entries) compared.learn(row);
    const changed = overlay.take(answer.entries);
    if (gone.length) return leaveOut(gone);
    const { lacking } = overlay;
    chips.show(lacking);
    bare.hidden = lacking.size < ids.length;
    grid.hidden = !bare.hidden;
    if (anew || changed) {
      overlay.draw();
      data.refresh();
    }
    if (anew) settings.draw();
  }

  // ---- the address, and what goes on elsewhere

  function remember() {
    playgroundRemember("found", new URLSearchParams(filters.wanted).toString());
    playgroundRemember("compared", compared.ids.join(","));
  }
  function recall() {
    const address = new URLSearchParams(location.search);
    filters.take(Object.fromEntries(new URLSearchParams(address.get("found") ?? "")));
    for (const id of (address.get("compared") ?? "").split(",")) {
      if (id && !compared.full) compared.add(id);
    }
  }
  async function keepUp() {
    if (busy || !started || document.hidden || !root.offsetParent) return;
    busy = true;
    await look(Math.max(PAGE, Math.min(rows.length, MOST)), { again: true });
    if (compared.ids.length && compared.ids.some((id) => alive(compared.entries.get(id).row))) {
      await readCurves();
    }
    busy = false;
  }
  function alive(row) {
    return !row || row.state === "running" || row.state === "queued" || row.state === "paused";
  }
  async function begin() {
    if (started || !root.offsetParent || !words.say("history.search")) return;
    started = true;
    recall();
    await look();
    weigh();
    if (compared.ids.length) compare();
    while (element.isConnected) {
      const live = [...rows, ...[...compared.entries.values()].map(({ row }) => row)].some(alive);
      await wait(live ? PACE.alive : PACE.idle);
      await keepUp();
    }
  }
  function take() {
    if (words.learn(props.value?.texts)) {
      filters.say();
      filters.offered = "";
      if (started) look();
    }
    if (props.value?.imported && props.value.imported !== take.imported) {
      take.imported = props.value.imported;
      filters.take({});
      if (started) look().then(weigh);
    }
    begin();
  }
  watch("value", take);
  new ResizeObserver(() => (started ? keepUp() : begin())).observe(root);
  onTheme(element, () => compared.ids.length && overlay.draw());
  take();
}
