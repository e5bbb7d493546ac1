// Neurons that somebody marked, with notes: kept by the browser, exported and imported as a file, sent as a link.
"use strict";

(() => {
  const {el} = revelio, PLACE = `revelio:${location.pathname}`;
  let marks = new Map(); // "run/neuron" -> note

  try {
    marks = new Map(Object.entries(JSON.parse(localStorage.getItem(PLACE) ?? "{}")));
  } catch { /* a browser that keeps nothing: marks last as long as the page */ }

  function save() {
    try { localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(marks))); } catch { /* as above */ }
  }

  const keyOf = (run, neuron) => `${run.key}/${neuron}`;
  revelio.isMarked = (run, neuron) => marks.has(keyOf(run, neuron));

  function mark(run, neuron, note = "") {
    marks.set(keyOf(run, neuron), note);
    save();
  }

  const markedOf = (run) => [...marks.keys()].filter((key) => key.slice(0, key.lastIndexOf("/")) === run.key)
    .map((key) => Number(key.slice(key.lastIndexOf("/") + 1)));

  // A switch and a note, for the page of a neuron.
  revelio.marker = (run, neuron) => {
    const node = el("div.marker", {});
    const draw = () => {
      const marked = revelio.isMarked(run, neuron);
      revelio.refill(node, el("button", {id: "mark", type: "button", "aria-pressed": String(marked), onclick: () => {
        if (marked) { marks.delete(keyOf(run, neuron)); save(); } else mark(run, neuron);
        draw();
      }}, marked ? "★ marked" : "☆ mark"), marked ? note(run, neuron) : null,
      marked ? el("a", {href: revelio.href("lists", null, {run: run.key})}, "all marked") : null);
    };
    draw();
    return node;
  };

  const note = (run, neuron) => el("input", {type: "text", class: "note", value: marks.get(keyOf(run, neuron)) ?? "",
    placeholder: "a note", "aria-label": `note on neuron ${neuron}`,
    onchange: (event) => mark(run, neuron, event.target.value)});

  function exported() {
    const list = revelio.runs.flatMap((run) => markedOf(run).map((neuron) => ({run: run.key, model: run.model,
      layer: run.layer, timestep: run.timestep, neuron, note: marks.get(keyOf(run, neuron))})));
    const url = URL.createObjectURL(new Blob([JSON.stringify({kind: "revelio list", title: revelio.page.title,
      marks: list}, null, 1)], {type: "application/json"}));
    el("a", {href: url, download: "neurons.json"}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  // Take over what belongs to this page, and say what does not.
  function imported(text) {
    let read;
    try { read = JSON.parse(text); } catch { return "This file is no JSON; expected a list that this page exported."; }
    if (read?.kind !== "revelio list" || !Array.isArray(read.marks)) {
      return "This file is no list of neurons; expected one that this page exported.";
    }
    let taken = 0;
    for (const one of read.marks) {
      const run = revelio.runs.find((x) => x.key === one?.run);
      if (!run || !Number.isInteger(one.neuron) || one.neuron < 0 || one.neuron >= run.n_neurons) continue;
      mark(run, one.neuron, String(one.note ?? ""));
      taken++;
    }
    const rest = read.marks.length - taken;
    return `${revelio.count(taken, "neuron")} taken over${rest ? `; ${rest} of runs or neurons that this page has not` : ""}.`;
  }

  revelio.views.lists = async (state, run) => {
    await revelio.needCards(run);
    const own = markedOf(run), sent = (state.params.marked ?? "").split(",").filter((x) => /^\d+$/.test(x)).map(Number)
      .filter((neuron) => neuron < run.n_neurons && !own.includes(neuron));
    const again = () => revelio.go("lists", null, {run: run.key}, true);
    const said = el("p.quiet", {role: "status", id: "said"});
    const file = el("input", {type: "file", id: "import", accept: ".json,application/json", onchange: async (event) => {
      const text = imported(await event.target.files[0].text());
      again();
      await revelio.pause();
      const place = document.getElementById("said");
      if (place) revelio.refill(place, text);
    }});
    const rows = (neurons) => el("div.cards", {}, neurons.map((neuron) => el("div", {}, revelio.card(run, neuron),
      own.includes(neuron) ? note(run, neuron) : null)));
    const elsewhere = marks.size - own.length;
    return el("section", {}, el("h1", {}, "Marked neurons ", el("small", {}, run.title)),
      el("p.quiet", {}, "Marks and notes stay in this browser. A file or a link takes them elsewhere."),
      el("div.controls", {}, marks.size ? el("button", {type: "button", id: "export", onclick: exported}, "export as a file") : null,
        el("label.field", {}, el("span", {}, "import a file"), file),
        own.length ? el("a", {id: "link", href: revelio.href("lists", null, {run: run.key, marked: own.join(",")})},
          "a link to this list") : null), said,
      sent.length ? [el("h2", {}, "In this link"), el("button", {type: "button", id: "keep", onclick: () => {
        for (const neuron of sent) mark(run, neuron);
        again();
      }}, `mark ${sent.length === 1 ? "it" : `all ${sent.length}`}`), rows(sent)] : null,
      own.length ? [sent.length ? el("h2", {}, "Yours") : null, rows(own)]
        : sent.length ? null : el("p", {}, "None yet: a neuron's page has a switch for it."),
      elsewhere ? el("p.quiet", {}, `${elsewhere} more in other runs.`) : null);
  };
})();
