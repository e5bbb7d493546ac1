// All images, and one image: the neurons that it makes fire, here and in the other runs.
"use strict";

(() => {
  const {el, num} = revelio, PER_PAGE = 60, ELSEWHERE = 5;

  revelio.views.images = async (state, run, old) => {
    await run.base();
    const {params} = state, set = run.images, level = set.level(params.level ?? set.mainLevel);
    const labelled = set.levels.length > 0, classes = labelled ? set.levels[level].classes : [];
    if (labelled) await set.need(`label${level}`);
    const words = (params.q ?? "").toLowerCase().split(/\s+/).filter(Boolean), label = classes.indexOf(params.class);
    const rows = [];
    for (let row = 0; row < set.n; row++) {
      if (params.class && set.$[`label${level}`]?.[row] !== label) continue;
      const text = words.length ? `${set.$.caption[row]} ${set.$.id[row]}`.toLowerCase() : "";
      if (words.every((word) => text.includes(word))) rows.push(row);
    }
    const n = Math.ceil(rows.length / PER_PAGE), page = Math.min(Math.max(0, (parseInt(params.page, 10) || 1) - 1),
      Math.max(0, n - 1));
    const kept = Object.fromEntries(["q", "level", "class"].filter((key) => params[key]).map((key) => [key, params[key]]));
    const change = (changes, typing) => revelio.go("images", null, {run: run.key, ...kept, ...changes, page: ""}, typing);
    const form = el("form.controls", {role: "search", onsubmit: (event) => event.preventDefault()},
        el("label.field.wide", {}, el("span", {}, "search captions and ids"), el("input", {type: "search", id: "search",
          value: params.q ?? "", oninput: (event) => change({q: event.target.value}, true)})),
        labelled ? revelio.select("label level", set.levels[level].name, set.levels.map((x) => [x.name, x.name]),
          (value) => change({level: value, class: ""})) : null,
        labelled ? el("label.field", {}, el("span", {}, "class"), el("input", {type: "search", id: "class",
          value: params.class ?? "", list: "classes", placeholder: "any",
          onchange: (event) => change({class: event.target.value})}),
        revelio.classList(set, level)) : null);
    const results = el("div.results", {"aria-live": "polite"},
        el("p.quiet", {id: "found"}, `${rows.length.toLocaleString("en")} of ${revelio.count(set.n, "image")}`),
        el("div.tiles.named", {}, rows.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map((row) => el("figure", {},
          revelio.tile(set, row, {href: revelio.href("image", set.$.id[row], {run: run.key})}),
          el("figcaption", {}, el("bdi", {}, set.$.caption[row] || set.$.id[row]))))),
        revelio.pager(page, n, (to) => revelio.href("images", null, {...kept, run: run.key, page: to ? to + 1 : ""})));
    return revelio.typing(old, "images", state, {".results": results}) ?? el("section", {"data-view": "images"},
      el("h1", {}, "Images ", el("small", {}, [run.dataset, run.split].filter(Boolean).join(", "))), form, results);
  };

  const spinner = () => el("p.quiet", {}, "reading …");

  async function active(run, row, n) {
    await Promise.all([revelio.needCards(run), run.need("low", "high")]);
    const found = (await run.neuronsOf(row)).slice(0, n);
    const heats = await Promise.all(found.map(({neuron}) => run.heatOf(neuron)));
    return found.map((one, i) => ({...one, heat: heats[i].get(row)}));
  }

  function rowOf(run, row, one) {
    const {neuron, step, activation, heat} = one, top = run.top(neuron, 6);
    return el("li", {}, heat ? revelio.tile(run.images, row, {heat: revelio.heat(heat, run.heat)}) : null,
      el("a.what", {href: revelio.href("neuron", neuron, {run: run.key})}, el("b", {}, `${neuron}`), " ",
        el("bdi", {}, revelio.nameOf(run, neuron)), revelio.badge(run, neuron)),
      el("span.strength", {}, revelio.bar(activation / run.$.high[neuron]), el("span", {}, `${num(activation)} of ${
        num(run.$.high[neuron])}`)),
      el("span.tiles", {}, top.map((other) => revelio.tile(run.images, other))));
  }

  async function elsewhere(run, row) {
    const runs = revelio.runs.filter((other) => other !== run && other.images === run.images);
    return runs.map((other) => {
      const list = el("div", {}, spinner());
      active(other, row, ELSEWHERE).then((found) => revelio.refill(list, found.length
        ? el("ol.neurons", {}, found.map((one) => rowOf(other, row, one))) : el("p.quiet", {}, "not among its images")),
      (error) => revelio.refill(list, el("p.error", {}, error.message)));
      return el("section", {}, el("h3", {}, el("a", {href: revelio.href("image", run.images.$.id[row], {run: other.key})},
        other.title)), list);
    });
  }

  revelio.views.image = async (state, run) => {
    await run.base();
    const set = run.images, row = set.$.id.indexOf(state.id);
    if (row < 0) return el("p", {}, "There is no image ", el("bdi", {}, state.id), ` in the set of ${run.title}.`);
    await set.need(...set.levels.map((_, i) => `label${i}`));
    const found = await active(run, row, Infinity), others = await elsewhere(run, row);
    const link = (text, to, rel) => el("a", {rel, href: to >= 0 && to < set.n ? revelio.href("image", set.$.id[to],
      {run: run.key}) : null, "aria-disabled": to >= 0 && to < set.n ? null : "true"}, text);
    return el("section", {}, el("nav.pager", {"aria-label": "images"}, link("← previous", row - 1, "prev"),
      el("a", {href: revelio.href("images", null, {run: run.key})}, "all images"), link("next →", row + 1, "next")),
    el("div.image", {}, revelio.tile(set, row, {size: 192}), el("div", {},
      el("h1", {}, el("bdi", {}, set.$.caption[row] || set.$.id[row])), el("p.quiet", {}, "image ", el("bdi", {}, set.$.id[row])),
      el("dl", {}, set.levels.map(({name}, i) => [el("dt", {}, el("bdi", {}, name)), el("dd", {},
        set.className(i, row) === null ? "–" : el("a", {href: revelio.href("images", null, {run: run.key, level: name,
          class: set.className(i, row)})}, el("bdi", {}, set.className(i, row))))])))),
    el("h2", {}, found.length ? `The ${revelio.count(found.length, "neuron")} that it makes fire, strongest first`
      : "It is not among the images of this run"),
    el("p.quiet", {}, run.title, found.length ? [". The bar: the ", revelio.term("mean", "activation"),
      " as a share of the neuron's strongest; then the images that the neuron fires for most."] : "."),
    el("ol.neurons", {}, found.map((one) => rowOf(run, row, one))),
    others.length ? [el("h2", {}, "The same image in the other runs"),
      el("p.quiet", {}, `The ${ELSEWHERE} strongest neurons of each.`), others] : null);
  };
})();
