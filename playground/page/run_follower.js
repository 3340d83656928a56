// Following a run: the browser asks for the run's events after a cursor of its own, so a late tab, a
// reload and a second window all see the whole of it.

const ENDED = new Set(["finished", "stopped", "failed", "interrupted"]);
const BRISK = 80; // ms between two looks at a run that is going on: about twelve a second
const SLOW = 500; // ms while it is paused
const RETRY = { first: 400, longest: 8000 }; // ms between two tries when the server does not answer
const MANY = 200; // events in an answer that promise more: read on, and draw all in one go
const PATIENCE = 4000; // ms to go on asking after a nudge, though the run still says it has ended

/**
 * Keeps asking as long as `element` lives and the run is going on. `learn(events)` takes what is
 * new, `draw(seen)` shows it, `lost(true)` says that the server is away, and `tell(detail)` hears
 * of each change of state.
 */
class RunFollower {
  constructor(element, { poll, learn, draw, lost, tell }) {
    Object.assign(this, { element, poll, learn, draw, lost, tell });
    this.round = 0; // a newer round ends the older one
    this.forget("");
    const nudge = (event) => {
      if (!element.isConnected) return document.removeEventListener("pg-run-nudge", nudge);
      if (!this.run || event.detail !== this.run) return;
      this.patience = performance.now() + PATIENCE;
      this.start();
    };
    document.addEventListener("pg-run-nudge", nudge);
  }
  forget(run, told = "") {
    this.run = run;
    this.cursor = 0;
    this.seen = null; // the last answer, without its events
    this.told = told; // the last state that Python has heard
    this.patience = 0; // until when an ended run is asked again
  }
  start() {
    this.round += 1;
    if (this.run) this.follow(this.round);
  }
  async ask() {
    try {
      return await this.poll(this.run, this.cursor, document.documentElement.lang);
    } catch {
      return undefined; // the server is away
    }
  }
  async follow(mine) {
    let missed = 0;
    let changed = true; // something is not drawn yet
    while (this.element.isConnected) {
      const began = performance.now();
      const answer = await this.ask();
      if (mine !== this.round) return;
      if (!Array.isArray(answer?.events)) {
        this.lost(true);
        await wait(Math.min(RETRY.longest, RETRY.first * 2 ** missed++));
        if (mine !== this.round) return;
        continue;
      }
      this.lost(false);
      missed = 0;
      const { events, ...rest } = answer;
      const before = this.seen;
      changed ||= events.length > 0 || rest.state !== before?.state || rest.step !== before?.step;
      this.cursor = rest.cursor ?? this.cursor;
      this.seen = rest;
      this.learn(events);
      if (events.length >= MANY) continue;
      if (changed) this.draw(rest);
      changed = false;
      this.announce();
      if (ENDED.has(rest.state) && !events.length && began > this.patience) return;
      const pace = rest.state === "paused" ? SLOW : BRISK;
      await wait(Math.max(0, pace - (performance.now() - began)));
      if (mine !== this.round) return;
    }
  }
  announce() {
    const { state, reason, step, steps, members } = this.seen;
    const states = [state, ...(members ?? []).map((member) => member.state)].join();
    if (states === this.told) return;
    this.told = states;
    const run = this.run;
    this.tell({ run, state, reason: reason ?? "", step: step ?? 0, steps: steps ?? 0 });
  }
}
