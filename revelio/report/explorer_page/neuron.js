// One neuron: what it fires for, how strongly, in which classes, and who is like it.
"use strict";

(() => {
  const {el, svg, num, percent, term} = revelio, BINS = 24, CLASSES = 10;
  const NAMED = {class: "; named after a class, for there are no captions", id: "; named after words of the ids, for there are no captions"};

  function strip(run, title, images, {heats, note} = {}) {
    if (!images.length) return null;
    return el("section.strip", {}, el("h3", {}, title), note ? el("p.quiet", {}, note) : null,
      el("div.tiles", {}, images.map(({row, activation}) => el("figure", {},
        revelio.tile(run.images, row, {href: revelio.href("image", run.images.$.id[row], {run: run.key}),
          heat: heats?.get(row) && revelio.heat(heats.get(row), run.heat), note: `activation ${num(activation)}`}),
        el("figcaption", {}, num(activation))))));
  }

  // Images of equal activations would pile up in linear bins: most neurons have a long tail.
  function bins(run, neuron, images) {
    const low = run.$.low[neuron], high = run.$.high[neuron], n = high > low ? BINS : 1;
    const found = Array.from({length: n}, (_, i) => ({images: [], from: low * (high / low) ** (i / n),
      to: low * (high / low) ** ((i + 1) / n)}));
    for (const image of images) {
      found[n === 1 ? 0 : Math.min(n - 1, Math.floor((image.step / 255) * n))].images.push(image);
    }
    return found;
  }

  function histogram(run, neuron, all, params) {
    const width = 480, height = 110, most = Math.max(...all.map((bin) => bin.images.length)), w = width / all.length;
    const bars = all.map((bin, i) => {
      const h = (height * bin.images.length) / most, said = `${revelio.count(bin.images.length, "image")
      } with activation ${num(bin.from)} to ${num(bin.to)}`;
      const chosen = String(i) === params.bin;
      return svg("a", {href: bin.images.length ? revelio.href("neuron", neuron, {...params, bin: chosen ? "" : i})
        : null, "aria-label": said, class: chosen ? "chosen" : null},
      svg("title", {}, said),
      svg("rect", {x: i * w, y: 0, width: w, height, class: "hit"}),
      svg("rect", {x: i * w + 0.5, y: height - h, width: Math.max(1, w - 1), height: h, class: "column"}));
    });
    return el("figure.histogram", {},
      svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "histogram of activations"}, bars),
      el("figcaption", {}, el("span", {}, num(all[0].from)),
        el("span", {}, `activation, log scale; the highest bar is ${revelio.count(most, "image")}`),
        el("span", {}, num(all.at(-1).to))));
  }

  function classes(run, level, images, top) {
    const {levels, $} = run.images, labels = $[`label${level}`], names = levels[level].classes;
    const all = new Float64Array(names.length), fires = new Float64Array(names.length);
    const first = new Float64Array(names.length);
    let n = 0, nFires = 0;
    for (let row = 0; row < labels.length; row++) {
      if (run.ownRow(row) >= 0 && labels[row] < names.length) { all[labels[row]]++; n++; }
    }
    for (const {row} of images) if (labels[row] < names.length) { fires[labels[row]]++; nFires++; }
    for (const {row} of top) if (labels[row] < names.length) first[labels[row]]++;
    const order = [...names.keys()].filter((i) => fires[i]).sort((a, b) => first[b] - first[a] || fires[b] - fires[a]);
    const shown = order.slice(0, CLASSES), widest = Math.max(...shown.flatMap((i) => [fires[i] / nFires, all[i] / n]));
    return el("div.scroll", {}, el("table.classes", {},
      el("thead", {}, el("tr", {}, el("th", {}, "class"), el("th", {}, "of its images ", el("small", {}, "(line: of all)")),
        el("th.number.roomy", {}, "share"), el("th.number", {}, "fires for"), el("th.number", {}, "top ten"))),
      el("tbody", {}, shown.map((i) => el("tr", {},
        el("td", {}, el("a", {href: revelio.href("neurons", null, {run: run.key, level: levels[level].name,
          class: names[i]})}, el("bdi", {}, names[i]))),
        el("td.wide", {}, revelio.bar(fires[i] / nFires / widest, all[i] / n / widest, revelio.levelColor(level))),
        el("td.number.roomy", {}, percent(fires[i] / nFires), el("small", {}, ` (${percent(all[i] / n)})`)),
        el("td.number", {}, `${fires[i]} of ${all[i]}`), el("td.number", {}, String(first[i])))))),
    order.length > CLASSES ? el("p.quiet", {}, `and ${order.length - CLASSES} more ${
      order.length - CLASSES === 1 ? "class" : "classes"}`) : null);
  }

  function numbers(run, neuron, detail, current, params) {
    const {levels} = run.images, one = (name) => detail(name)[0];
    const against = (name, level) => [num(one(`${name}${level}`), 2),
      el("small", {}, ` (${num(one(`${name}_null${level}`), 2)})`)];
    const named = (level, label) => el("td", {}, el("bdi", {}, levels[level].classes[label] ?? "–"));
    return el("div.scroll", {}, el("table", {},
      el("thead", {}, el("tr", {}, el("th", {}, "label level"), el("th", {}, "of its top ten"),
        el("th", {}, term("purity")), el("th", {}, term("interval")), el("th", {}, term("lift")),
        el("th", {}, term("entropy")), el("th", {}, "detects"), el("th", {}, term("ap")),
        el("th", {}, term("selectivity")))),
      el("tbody", {}, levels.map(({name}, i) => el("tr", {class: i === current ? "current" : null},
        el("td", {}, el("a", {href: revelio.href("neuron", neuron, {...params, level: name}),
          "aria-current": i === current ? "true" : null}, el("bdi", {}, name)),
        one(`significant${i}`) ? el("span", {title: "purer than chance, significant among all neurons"}, " *") : ""),
        named(i, run.$[`top_class${i}`][neuron]), el("td.number", {}, against("purity", i)),
        el("td.number", {}, `${num(one(`purity_low${i}`), 2)} to ${num(one(`purity_high${i}`), 2)}`),
        el("td.number", {}, num(one(`lift${i}`), 2)), el("td.number", {}, against("entropy", i)),
        named(i, one(`best_class${i}`)), el("td.number", {}, against("ap", i)),
        el("td.number", {}, against("selectivity", i)))))));
  }

  function others(run, detail, kind, title, note) {
    const list = detail(kind).filter((other) => other >= 0), scores = detail(`${kind}_score`);
    return el("section", {}, el("h3", {}, term(kind, title)), el("p.quiet", {}, note), list.length
      ? el("div.cards.small", {}, list.map((other, i) => revelio.card(run, other, {n: 4,
        score: num(scores[i], 2)}))) : el("p", {}, "None."));
  }

  // The neuron of each other run that fires most alike; both ways: each is the other's best.
  async function matches(run, detail) {
    const found = await Promise.all(Object.entries(run.matches).map(async ([number, luck]) => {
      const [match, score, mutual] = detail(`match_${number}`), other = revelio.runs[number];
      await revelio.needCards(other);
      return {other, match: match < 0 ? null : match, score, luck, mutual};
    }));
    return el("div.cards.small", {}, found.map(({other, match, score, luck, mutual}) => el("div.matched", {},
      el("h4", {}, other.title),
      el("p.quiet", {}, match === null ? "no neuron fires with it"
        : `${num(score, 2)} (chance ${num(luck.chance, 2)})${mutual ? ", the best both ways" : ""}`),
      match === null ? null : revelio.card(other, match, {n: 4}))));
  }

  // What the neuron does: pictures drawn with it turned up, and what each class loses where it is silenced.
  function deeds(run, neuron) {
    const $ = run.$, parts = [];
    if (run.strips && Number.isFinite($.steered[neuron])) {
      const {strengths, rows, side} = run.strips;
      parts.push(el("h3", {}, term("steered", "when it is turned up")), el("div.scroll", {}, el("figure.steered", {},
        el("img", {loading: "lazy", src: `data/${run.part}/strips/${neuron}.webp`, width: side * strengths.length,
          height: side * rows, alt: `the same noise drawn at strengths ${strengths.join(", ")}`}),
        el("figcaption", {}, strengths.map((x) => el("span", {}, x ? `strength ${num(x)}` : "as it is"))))),
      el("p.quiet", {}, `A pixel changes by ${num($.steered[neuron], 2)} of 255 on average at strength ${num(strengths.at(-1))}.`));
    }
    const found = run.has("effects") ? $.effects[neuron] : [];
    if (found.length) {
      const most = Math.max(...found.map(([, rise]) => Math.abs(rise)));
      parts.push(el("h3", {}, term("needed", "the model needs it for")), el("div.scroll", {}, el("table.classes", {},
        el("thead", {}, el("tr", {}, el("th", {}, run.effects_level), el("th", {}, "loss without it"), el("th.number", {}, ""),
          el("th.number", {}, "fires for"))),
        el("tbody", {}, found.map(([name, rise, fires, n]) => el("tr", {}, el("td", {}, el("bdi", {}, name)),
          el("td.wide", {}, revelio.bar(Math.max(0, rise) / (most || 1), NaN)),
          el("td.number", {}, `${rise >= 0 ? "+" : ""}${num(100 * rise, 2)} %`), el("td.number", {}, `${fires} of ${n}`)))))));
    }
    return parts.length ? el("section", {}, el("h2", {}, "What it does"), parts) : null;
  }

  function steps(run, neuron, list, params) {
    const at = list.place(neuron), {chosen} = list, kept = revelio.keep(params);
    const link = (text, to, rel) => el("a", {rel, href: to === undefined ? null : revelio.href("neuron", to,
      {...kept, run: run.key}), "aria-disabled": to === undefined ? "true" : null}, text);
    return el("nav.pager", {"aria-label": "neurons"}, link("← previous", chosen[at - 1], "prev"),
      el("a", {href: revelio.href("neurons", null, {...kept, run: run.key,
        page: at < 0 ? "" : Math.floor(at / revelio.perPage) + 1})}, at < 0 ? "all neurons"
        : `${(at + 1).toLocaleString("en")} of ${chosen.length.toLocaleString("en")} in the list`),
      link("next →", at < 0 ? chosen[0] : chosen[at + 1], "next"));
  }

  function levels(run, neuron, images, heats, params) {
    const {top_k} = run, rest = images.slice(top_k), middle = Math.max(0, Math.floor(images.length / 2) - 5);
    const random = [];
    for (let i = 0, x = neuron + 1; random.length < Math.min(10, images.length) && i < 200; i++) {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0; // the same each time: a page must not change under its link
      const one = images[Math.floor((x / 2 ** 32) * images.length)];
      if (!random.includes(one)) random.push(one);
    }
    const all = images.length ? bins(run, neuron, images) : [], bin = all[params.bin];
    return [
      images.length ? histogram(run, neuron, all, params) : null,
      bin ? strip(run, `activation ${num(bin.from)} to ${num(bin.to)}: ${revelio.count(bin.images.length, "image")}`,
        bin.images.slice(0, 30), {heats}) : el("p.quiet", {}, images.length ? "Choose a bar to see its images." : ""),
      strip(run, "just below the top", rest.slice(0, 10), {heats}),
      strip(run, "around the median", images.length > 4 * top_k ? images.slice(middle, middle + 10) : [], {heats}),
      strip(run, "weakest", images.length > top_k ? images.slice(Math.max(top_k, images.length - 10)) : [], {heats}),
      strip(run, "at random, among all that it fires for", images.length > top_k ? random.sort((a, b) => (
        b.activation - a.activation)) : [], {heats})];
  }

  revelio.views.neuron = async (state, run) => {
    const neuron = Number(state.id), {params} = state;
    if (!(Number.isInteger(neuron) && neuron >= 0 && neuron < run.n_neurons)) {
      return el("p", {}, `There is no neuron ${state.id}: this run has 0 to ${run.n_neurons - 1}.`);
    }
    const level = run.images.level(params.level ?? run.images.mainLevel), withLevels = run.images.levels.length > 0;
    const deedsOf = ["steered", "needed", "effects"].filter((name) => run.has(name));
    await Promise.all([revelio.needCards(run), run.need("concept_score", "named_after", "low", "high", ...deedsOf),
      withLevels ? run.images.need(`label${level}`) : null]);
    const [detail, images, heats, list] = await Promise.all([run.detail(neuron), run.imagesOf(neuron),
      run.heatOf(neuron), revelio.choose(run, params)]);
    const $ = run.$, here = {...revelio.keep(params), run: run.key, bin: params.bin, heat: params.heat};
    const hot = heats.size && params.heat !== "0" ? heats : null, top = images.slice(0, run.top_k);
    const toggle = heats.size ? el("label.check", {}, el("input", {type: "checkbox", checked: Boolean(hot), id: "heat",
      onchange: (event) => revelio.go("neuron", neuron, {...here, heat: event.target.checked ? "" : "0"}, true)}),
    " ", term("heat", "where in them it fires")) : el("p.quiet", {}, "No heat maps were kept for this neuron.");
    return el("section", {}, steps(run, neuron, list, params),
      el("h1", {}, `Neuron ${neuron}: `, el("bdi", {}, revelio.nameOf(run, neuron)), " ", revelio.badge(run, neuron)),
      el("p", {}, el("bdi", {}, revelio.where(run).join(" · "))), revelio.marker(run, neuron),
      el("p", {}, $.n_firing[neuron] ? ["fires for ", revelio.count($.n_firing[neuron], "image"), ", ",
        term("density", percent($.density[neuron])), "; ", term("mean", "activation"),
        ` ${num($.mean_activation[neuron])} on average, ${num($.high[neuron])} at most`,
        Number.isFinite($.concept_score[neuron]) ? ["; ", term("name", "score of the name"), " ",
          num($.concept_score[neuron], 2)] : "", NAMED[$.named_after[neuron]] ?? "", "."] : "It fires for no image: it is dead."),
      run.images_used === "held-out" ? el("p.quiet", {}, "Numbers and top images are of held-out images; the other "
        + "images, the histogram and the classes below are of all.") : null,
      top.length ? el("section", {}, el("h2", {}, "Top images"), toggle,
        strip(run, `the ${top.length} strongest`, top, {heats: hot})) : null,
      deeds(run, neuron),
      withLevels ? el("section", {}, el("h2", {}, "In which classes"), revelio.warning(run), numbers(run, neuron, detail, level, here),
        el("p.quiet", {}, "In brackets what chance gives. * purer than chance, significant among all neurons."),
        el("h3", {}, el("bdi", {}, run.images.levels[level].name)), images.length
          ? classes(run, level, images, images.slice(0, 10)) : null) : null,
      images.length ? el("section", {}, el("h2", {}, "At other activations"), levels(run, neuron, images, hot, here)) : null,
      Object.keys(run.matches).length ? el("section", {}, el("h2", {}, term("match", "In the other runs")),
        await matches(run, detail)) : null,
      el("section", {}, el("h2", {}, "Neighbours"),
        others(run, detail, "decoder", "writes alike", "by the cosine of decoder rows"),
        others(run, detail, "cofiring", "fires alike", "by the correlation of firing or not")));
  };
})();
