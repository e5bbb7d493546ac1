// All runs side by side: layers x timesteps, with how pure neurons are and what they are about.
"use strict";

(() => {
  const {el, num, percent} = revelio;

  // Layers in forward order: down, the bottleneck, up; numbers as numbers.
  const depth = (layer) => (/^(down|input)/.test(layer) ? 0 : /^(bottleneck|mid)/.test(layer) ? 1 : 2);
  const forward = (a, b) => depth(a) - depth(b) || a.localeCompare(b, "en", {numeric: true});

  function cell(run) {
    const {levels} = run.images, {counts} = run.granularity, total = Object.values(counts).reduce((a, b) => a + b, 0);
    const share = (name) => (total ? (counts[name] ?? 0) / total : 0);
    const parts = levels.map(({name}, i) => {
      const part = el("i", {title: `${name}: ${percent(share(name))}`});
      part.style.width = `${100 * share(name)}%`;
      part.style.background = revelio.levelColor(i);
      return part;
    });
    const metrics = run.metrics.held_out ?? run.metrics.all;
    const said = [run.title, ...levels.filter(({name}) => run.summary[name]).map(({name}) => `${name} purity ${
      num(run.summary[name].purity, 2)}, chance ${num(run.summary[name].purity_null, 2)}, granularity of ${
      percent(share(name))}`), run.warning].filter(Boolean).join("; ");
    return el("a.cell", {href: revelio.href("neurons", null, {run: run.key}), "aria-label": said,
      "aria-current": run === revelio.run ? "true" : null},
    run.warning ? el("span.warning", {title: run.warning}, "learnt by heart: no result") : null,
    levels.filter(({name}) => run.summary[name]).map(({name}) => el("span.measure", {title: `${name}: purity ${
      num(run.summary[name].purity, 3)}, chance ${num(run.summary[name].purity_null, 3)}`},
    revelio.bar(run.summary[name].purity, run.summary[name].purity_null, revelio.levelColor(run.images.level(name))),
    el("span", {}, num(run.summary[name].purity, 2)))),
    levels.length ? el("span.stack", {"aria-hidden": "true"}, parts) : null,
    el("span.line", {}, `FVU ${num(metrics.fvu, 2)}`),
    el("span.line", {}, `${run.n_neurons.toLocaleString("en")} neurons`),
    el("span.line", {}, `${percent(run.dead_share)} dead`));
  }

  revelio.views.compare = async () => {
    const groups = new Map();
    for (const run of revelio.runs) {
      const name = [run.model, run.dataset, run.split, run.prompt && `prompt: ${run.prompt}`].filter(Boolean).join(" · ");
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(run);
    }
    const levels = [...new Set(revelio.sets.flatMap((set) => set.levels.map((x) => x.name)))];
    return el("section", {}, el("h1", {}, "Compare ", el("small", {}, revelio.count(revelio.runs.length, "run"))),
      el("p", {}, "A cell is a k-SAE of one layer at one timestep; click it to enter. Bars: mean ",
        revelio.term("purity"), " of its neurons at each label level, the line where chance would be. The strip below: the share of "
        + "neurons of each ", revelio.term("granularity"), ", the rest is of none. Then ", revelio.term("fvu"),
        ", and how many neurons there are."),
      levels.length ? el("ul.key", {}, levels.map((name) => {
        const dot = el("i", {}), set = revelio.sets.find((x) => x.levels.some((y) => y.name === name));
        dot.style.background = revelio.levelColor(set.level(name));
        return el("li", {}, dot, el("bdi", {}, name));
      })) : null,
      [...groups].map(([name, runs]) => {
        const layers = [...new Set(runs.map((run) => String(run.layer ?? "?")))].sort(forward);
        const times = [...new Set(runs.map((run) => run.timestep ?? NaN))].sort((a, b) => a - b);
        return el("section", {}, el("h2", {}, el("bdi", {}, name || "runs")), el("div.scroll", {}, el("table.grid", {},
          el("thead", {}, el("tr", {}, el("th", {}, "layer"), times.map((t) => el("th", {}, Number.isNaN(t) ? "–"
            : `t = ${t}`)))),
          el("tbody", {}, layers.map((layer) => el("tr", {}, el("th", {scope: "row"}, el("bdi", {}, layer)), times.map((t) => (
            el("td", {}, runs.filter((run) => String(run.layer ?? "?") === layer && Object.is(run.timestep ?? NaN, t)).map(
              cell))))))))));
      }));
  };
})();
