// The grid of neurons: searched, filtered, sorted.
"use strict";

revelio.views = {};

(() => {
  const {el} = revelio, PER_PAGE = 24, IN_NAME = 11;
  const OFTEN = 10; // images: statistics of a neuron that fires for fewer mean little

  // What can be sorted by; `column` of a level where it depends on one.
  const SORTS = {
    lift: {name: "lift over chance", of: (level) => `lift${level}`},
    purity: {name: "purity", of: (level) => `purity${level}`},
    selectivity: {name: "selectivity", of: (level) => `selectivity${level}`},
    ap: {name: "average precision", of: (level) => `ap${level}`},
    density: {name: "how often it fires", of: () => "density"},
    mean: {name: "mean activation", of: () => "mean_activation"},
    max: {name: "strongest activation", of: () => "high"},
    steered: {name: "what it changes when turned up", of: () => "steered"},
    needed: {name: "what the model loses without it", of: () => "needed"},
    named: {name: "score of the name", of: () => "concept_score"},
    number: {name: "number", of: () => null},
  };
  const RANGES = {density: "density", mean: "mean activation", purity: "purity", selectivity: "selectivity"};
  const FIRES = {often: `for ${OFTEN} images or more`, rare: `rarely (1 to ${OFTEN - 1})`, dead: "never (dead)",
    all: "all neurons"};
  revelio.listParams = ["q", "level", "class", "about", "fires", "sort", "up", ...Object.keys(RANGES)];

  revelio.keep = (params) => Object.fromEntries(revelio.listParams.filter((key) => params[key]).map(
    (key) => [key, params[key]]));

  function defaults(run, params) {
    const labels = run.images.levels.length > 0, level = run.images.level(params.level ?? run.images.mainLevel);
    const sort = Object.hasOwn(SORTS, params.sort ?? "") ? params.sort : params.q ? "matches" : labels ? "lift" : "mean";
    return {level, sort, fires: Object.hasOwn(FIRES, params.fires ?? "") ? params.fires : "often", up: params.up === "1"};
  }

  const range = (text) => (text ?? "").split("..").map((x) => (x === "" ? NaN : Number(x)));

  // For each neuron, how many of its top ten images have a caption with these words; more than all where its name has them.
  async function matches(run, q) {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean), has = (text) => {
      const low = text.toLowerCase();
      return words.every((word) => low.includes(word));
    };
    const seen = Uint8Array.from(run.images.$.caption, (text) => has(text) ? 1 : 0);
    return Uint8Array.from({length: run.n_neurons}, (_, neuron) => (has(run.$.name[neuron]) ? IN_NAME
      : run.top(neuron, 10).reduce((sum, row) => sum + seen[row], 0)));
  }

  // Sort neurons by a value, those without one last; the order that they come in breaks ties. A value becomes a whole
  // number that sorts alike, and its place in the order fills the lower digits: numbers alone are sorted fastest.
  function sorted(neurons, values, up) {
    const n = neurons.length, numbers = new Float32Array(n), bits = new Uint32Array(numbers.buffer);
    const keys = new Float64Array(n), out = new Array(n);
    for (let place = 0; place < n; place++) numbers[place] = values[neurons[place]];
    for (let place = 0; place < n; place++) {
      const x = bits[place], rising = x >>> 31 ? ~x >>> 0 : (x | 0x80000000) >>> 0;
      const rank = numbers[place] !== numbers[place] ? 2 ** 32 : up ? rising : 2 ** 32 - 1 - rising; // NaN is not itself
      keys[place] = rank * 2 ** 20 + place;
    }
    keys.sort();
    for (let place = 0; place < n; place++) out[place] = neurons[keys[place] % 2 ** 20];
    return out;
  }

  // The neurons that the parameters ask for, in order.
  let last = {};
  revelio.choose = async (run, params) => {
    const key = JSON.stringify([run.number, revelio.keep(params)]);
    if (last.key === key) return last;
    const {level, sort, fires, up} = defaults(run, params), $ = run.$;
    const tests = [], n_firing = $.n_firing;
    if (fires === "often") tests.push((i) => n_firing[i] >= OFTEN);
    if (fires === "rare") tests.push((i) => n_firing[i] > 0 && n_firing[i] < OFTEN);
    if (fires === "dead") tests.push((i) => n_firing[i] === 0);
    if (params.about) {
      const names = [...run.images.levels.map((x) => x.name), "none"], about = names.indexOf(params.about);
      const {granularity} = $;
      tests.push((i) => granularity[i] === about);
    }
    if (params.class && run.images.levels.length) {
      const label = run.images.levels[level].classes.indexOf(params.class), name = `top_class${level}`;
      const values = (await run.need(name))[name];
      tests.push((i) => values[i] === label);
    }
    for (const name of Object.keys(RANGES)) {
      if (!params[name] || (!run.images.levels.length && ["purity", "selectivity"].includes(name))) continue;
      const [low, high] = range(params[name]), column = SORTS[name].of(level);
      const values = (await run.need(column))[column], least = low ?? NaN, most = high ?? NaN;
      tests.push((i) => !(values[i] < least || values[i] > most || Number.isNaN(values[i])));
    }
    const found = params.q ? await matches(run, params.q) : null;
    if (found) tests.push((i) => found[i] > 0);
    let chosen = run.byFiring();
    for (const test of tests) chosen = chosen.filter(test);
    if (!tests.length) chosen = [...chosen];
    const column = sort === "matches" || !run.has(SORTS[sort].of(level) ?? "") ? null : SORTS[sort].of(level);
    if (column) await run.need(column);
    if (sort === "number") chosen.sort((a, b) => (up ? b - a : a - b));
    last = {key, found, chosen: sort === "number" ? chosen : sorted(chosen, found && sort === "matches" ? found : $[column], up)};
    last.place = (neuron) => last.chosen.indexOf(neuron);
    return last;
  };

  function controls(run, params, change) {
    const {levels} = run.images, {level, sort, fires, up} = defaults(run, params), labelled = levels.length > 0;
    const search = el("input", {type: "search", id: "search", value: params.q ?? "", placeholder: "e.g. heart",
      oninput: (event) => change({q: event.target.value}, true)});
    const list = labelled && el("input", {type: "search", id: "class", value: params.class ?? "", list: "classes",
      placeholder: "any", onchange: (event) => change({class: event.target.value})});
    const numbers = Object.entries(RANGES).filter(([name]) => levels.length || ["density", "mean"].includes(name));
    const limits = numbers.map(([name, text]) => {
      const [low, high] = range(params[name]), set = (at, value) => {
        const now = range(params[name]).map((x) => (Number.isNaN(x) ? "" : x));
        now[at] = value;
        change({[name]: now.some((x) => x !== "" && x !== undefined) ? `${now[0] ?? ""}..${now[1] ?? ""}` : ""});
      };
      const input = (at, value, label) => el("input", {type: "number", step: "any", "aria-label": label,
        value: Number.isNaN(value) || value === undefined ? "" : value, placeholder: at ? "max" : "min",
        onchange: (event) => set(at, event.target.value)});
      return el("span.field", {role: "group"}, el("span", {}, revelio.term(name, text)),
        el("span.pair", {}, input(0, low, `${text}, at least`), input(1, high, `${text}, at most`)));
    });
    const sorts = Object.entries(SORTS).filter(([, x]) => x.of(0) === null || run.has(x.of(0)));
    const fields = el("div.fields", {},
      levels.length ? revelio.select("label level", levels[level].name, levels.map((x) => [x.name, x.name]),
        (value) => change({level: value, class: ""})) : null,
      list ? el("label.field", {}, el("span", {}, "class of most top images"), list,
        revelio.classList(run.images, level)) : null,
      levels.length ? revelio.select("granularity", params.about ?? "", [["", "any"],
        ...levels.map((x) => [x.name, x.name]), ["none", "none"]], (value) => change({about: value})) : null,
      revelio.select("fires", fires, Object.entries(FIRES), (value) => change({fires: value})),
      revelio.select("sort by", sort, [...(params.q ? [["matches", "captions that match"]] : []),
        ...sorts.map(([key, x]) => [key, x.name])], (value) => change({sort: value})),
      revelio.select("order", up ? "1" : "", [["", "highest first"], ["1", "lowest first"]],
        (value) => change({up: value})),
      el("details", {open: numbers.some(([name]) => params[name])}, el("summary", {}, "limits"),
        el("div.limits", {}, limits)));
    return el("form.controls", {role: "search", onsubmit: (event) => event.preventDefault()},
      el("label.field.wide", {}, el("span", {}, "search names and captions"), search), fields);
  }

  function lines(run, level, neuron, found) {
    const $ = run.$, parts = [`fires ${revelio.percent($.density[neuron])}`, `mean ${revelio.num($.mean_activation[neuron])}`];
    const second = [];
    if (run.images.levels.length && Number.isFinite($[`purity${level}`][neuron])) {
      second.push(`${run.images.levels[level].name}: purity ${revelio.num($[`purity${level}`][neuron], 2)}`
        + ` (chance ${revelio.num($[`purity_null${level}`][neuron], 2)})`);
    }
    if (found) second.push(found[neuron] === IN_NAME ? "in its name" : `in ${found[neuron]} of 10 captions`);
    return $.n_firing[neuron] ? [parts.join(" · "), second.join(" · ")].filter(Boolean) : [];
  }

  revelio.views.neurons = async (state, run, old) => {
    await revelio.needCards(run);
    const {params} = state, {level} = defaults(run, params);
    const labelled = run.images.levels.length > 0; // both at once: a page may have to read them
    const [chosen] = await Promise.all([revelio.choose(run, params),
      labelled ? run.need(`purity${level}`, `purity_null${level}`) : null]);
    const n = Math.ceil(chosen.chosen.length / PER_PAGE);
    const page = Math.min(Math.max(0, (parseInt(params.page, 10) || 1) - 1), Math.max(0, n - 1));
    const kept = revelio.keep(params), link = (to) => revelio.href("neurons", null, {...kept, run: run.key,
      page: to ? to + 1 : ""});
    const shown = chosen.chosen.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
    const results = el("div.results", {"aria-live": "polite"},
      el("p.quiet", {id: "found"}, `${chosen.chosen.length.toLocaleString("en")} of ${
        revelio.count(run.n_neurons, "neuron")}`),
      shown.length ? null : el("p", {}, "No neuron is like that. ",
        el("a", {href: revelio.href("neurons", null, {run: run.key, fires: "all"})}, "Show all neurons")),
      el("div.cards", {}, shown.map((neuron) => revelio.card(run, neuron, {params: kept,
        lines: lines(run, level, neuron, chosen.found)}))),
      revelio.pager(page, n, link));
    const change = (changes, typing) => revelio.go("neurons", null, {...revelio.keep(revelio.state.params),
      run: run.key, ...changes, page: ""}, typing);
    const form = controls(run, params, change);
    return revelio.typing(old, "neurons", state, {".fields": form.querySelector(".fields"), ".results": results})
      ?? el("section", {"data-view": "neurons"}, el("h1", {}, "Neurons ", el("small", {}, run.title)),
        revelio.warning(run), form, results);
  };
  revelio.lines = lines;
  revelio.perPage = PER_PAGE;
})();
