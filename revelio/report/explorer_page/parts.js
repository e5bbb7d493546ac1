// The parts that views are made of. Everything that comes from data becomes text, never markup.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "value" || key === "checked" || key === "disabled") node[key] = value;
      else node.setAttribute(key, value === true ? "" : value);
    }
    return put(node, children);
  }

  // Every child enters a node here: what is not there is nothing, never the word "null".
  function put(node, children) {
    node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  revelio.put = (node, ...children) => put(node, children);
  revelio.refill = (node, ...children) => {
    node.replaceChildren();
    return put(node, children);
  };

  // el("a.card", {href}, "text", child, …)
  revelio.el = (name, attributes, ...children) => {
    const [tag, ...classes] = name.split(".");
    const node = document.createElement(tag);
    if (classes.length) node.className = classes.join(" ");
    return fill(node, attributes, children);
  };
  revelio.svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const el = revelio.el;

  revelio.num = (x, digits = 3) => {
    if (x === null || x === undefined || !Number.isFinite(x)) return "–";
    if (x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5)) return x.toExponential(1);
    return String(Number(x.toPrecision(digits)));
  };
  revelio.percent = (x) => (Number.isFinite(x) ? `${revelio.num(100 * x, 2)} %` : "–");
  revelio.count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

  // Colours of label levels and of classes, readable on light and dark.
  const COLORS = ["#8a5cc4", "#2f86d1", "#d9692c", "#2e9a63", "#c2447f", "#9a8420", "#3aa0a0", "#b0553c", "#6f7fd0",
    "#7d9b2f", "#c76fc0", "#5a8f7b"];
  revelio.levelColor = (level) => (level < 0 ? "var(--quiet)" : COLORS[level % COLORS.length]);
  revelio.classColor = (label, n) => (n <= COLORS.length ? COLORS[label]
    : `hsl(${Math.round((label * 137.508) % 360)} 62% ${[46, 58, 52][label % 3]}%)`);

  // A word with its meaning: hover shows it, a click leads to the legend.
  revelio.term = (key, text) => {
    const known = revelio.terms[key];
    return el("a.term", {href: revelio.href("legend", null, {at: key}), title: known.what}, text ?? known.name);
  };

  // A sheet is asked for when the view stands: reading a hundred files must not delay the words. One that was there
  // before is used at once.
  const sheets = new Set();
  let waiting = [];
  function paint(node, url) {
    if (sheets.has(url)) { node.style.backgroundImage = `url("${url}")`; return; }
    if (!waiting.length) {
      requestAnimationFrame(() => requestAnimationFrame(() => {
        for (const [one, sheet] of waiting) {
          one.style.backgroundImage = `url("${sheet}")`;
          sheets.add(sheet);
        }
        waiting = [];
      }));
    }
    waiting.push([node, url]);
  }

  // A picture, by its row in the image set.
  revelio.tile = (set, row, {href, heat, size, note} = {}) => {
    const alt = set.alt(row) + (note ? `, ${note}` : ""), picture = set.$.has_picture[row];
    const node = el(href ? "a.tile" : "span.tile", {href, title: alt, "aria-label": alt, role: href ? null : "img"});
    if (picture) {
      const n = set.sheet, place = row % (n * n), step = 100 / (n - 1);
      paint(node, `data/${set.part}/sheets/${Math.floor(row / (n * n))}.webp`);
      node.style.backgroundSize = `${100 * n}%`;
      node.style.backgroundPosition = `${(place % n) * step}% ${Math.floor(place / n) * step}%`;
    } else {
      node.classList.add("wordy");
      revelio.put(node, set.$.caption[row] || set.$.id[row]);
    }
    revelio.put(node, heat);
    if (size) node.style.setProperty("--tile", `${size}px`);
    return node;
  };

  // Where a neuron fires: nothing where it is at or below zero, bright where it is highest.
  const FIRE = [[86, 15, 109], [187, 55, 84], [235, 80, 50], [250, 140, 10]];
  revelio.heat = (bytes, {height, width}) => {
    const canvas = el("canvas.heat", {width, height, "aria-hidden": "true"}), context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    bytes.forEach((value, i) => {
      const at = (value / 255) * (FIRE.length - 1), low = Math.min(Math.floor(at), FIRE.length - 2);
      for (let c = 0; c < 3; c++) {
        image.data[4 * i + c] = FIRE[low][c] + (at - low) * (FIRE[low + 1][c] - FIRE[low][c]);
      }
      image.data[4 * i + 3] = 0.8 * value;
    });
    context.putImageData(image, 0, 0);
    return canvas;
  };

  // What a neuron is about: its granularity, and the class that most of its top ten images have at that level.
  revelio.badge = (run, neuron) => {
    const level = run.$.granularity[neuron], known = run.images.levels[level];
    if (!known) {
      const what = level === run.images.levels.length ? "no label" : "too rare to say";
      return el("span.badge", {title: level === run.images.levels.length
        ? "at no label level is it purer than chance" : "fires for fewer than ten images, or there are no labels"},
      el("i", {}), run.images.levels.length ? what : "no labels");
    }
    const label = run.$[`top_class${level}`]?.[neuron], dot = el("i", {});
    dot.style.background = revelio.levelColor(level);
    return el("span.badge", {title: `granularity: ${known.name}`}, dot, el("bdi", {}, known.name),
      known.classes[label] === undefined ? "" : ": ", el("bdi", {}, known.classes[label] ?? ""));
  };

  // What has to be known before a number of a run is believed.
  revelio.warning = (run) => (run.warning ? el("p.warning", {role: "note"}, el("b", {}, "No result: "), run.warning) : null);

  revelio.nameOf = (run, neuron) => run.$.name[neuron] || "unnamed";

  // The arrays that cards show.
  revelio.needCards = async (run) => {
    await Promise.all([run.base(), run.need(...run.images.levels.flatMap((_, i) => [`top_class${i}`]))]);
  };

  revelio.card = (run, neuron, {n = 8, score, params, lines = []} = {}) => el("a.card",
    {href: revelio.href("neuron", neuron, {...params, run: run.key})},
    el("span.name", {}, el("b", {}, `${neuron}`), " ", el("bdi", {}, revelio.nameOf(run, neuron)),
      revelio.isMarked(run, neuron) ? el("span", {title: "marked"}, " ★") : null,
      score === undefined ? null : el("span.score", {}, score)),
    el("span.tiles", {}, run.top(neuron, n).map((row) => revelio.tile(run.images, row))),
    run.$.n_firing[neuron] ? null : el("span.quiet", {}, "dead: it fires for no image"),
    revelio.badge(run, neuron), lines.map((line) => el("span.line", {}, line)));

  // A bar between 0 and 1 with a tick where chance would be.
  revelio.bar = (share, chance, color) => {
    const inner = el("i", {}), node = el("span.bar", {"aria-hidden": "true"}, inner);
    inner.style.width = `${100 * Math.min(1, Math.max(0, share || 0))}%`;
    if (color) inner.style.background = color;
    if (Number.isFinite(chance)) {
      const tick = el("b", {});
      tick.style.left = `${100 * Math.min(1, Math.max(0, chance))}%`;
      revelio.put(node, tick);
    }
    return node;
  };

  revelio.select = (label, value, options, change) => {
    const node = el("select", {"aria-label": label, onchange: (event) => change(event.target.value)}, options.map(([key, text]) => (
      el("option", {value: key, selected: String(key) === String(value)}, text))));
    return el("label.field", {}, el("span", {}, label), node);
  };

  // While somebody types in the search field, it stays where it is and only other parts of the view change.
  revelio.typing = (old, view, state, parts) => {
    if (old?.dataset.view !== view || document.activeElement?.id !== "search") return null;
    if (state === revelio.state) {
      for (const [place, part] of Object.entries(parts)) old.querySelector(place).replaceWith(part);
      const field = old.querySelector("#search"), q = state.params.q ?? "";
      if (field.value !== q) field.value = q;
    }
    return old;
  };

  // The names of the classes of a level, to choose from; made once, for there may be thousands.
  const lists = new Map();
  revelio.classList = (set, level) => {
    const key = set.levels[level];
    if (!lists.has(key)) lists.set(key, el("datalist", {id: "classes"}, key.classes.map((name) => el("option", {value: name}))));
    return lists.get(key);
  };

  revelio.pager = (page, n, link) => (n <= 1 ? null : el("nav.pager", {"aria-label": "pages"},
    el("a", {href: page > 0 ? link(page - 1) : null, rel: "prev", "aria-disabled": page > 0 ? null : "true"}, "← previous"),
    el("span", {}, `page ${(page + 1).toLocaleString("en")} of ${n.toLocaleString("en")}`),
    el("a", {href: page + 1 < n ? link(page + 1) : null, rel: "next", "aria-disabled": page + 1 < n ? null : "true"},
      "next →")));

  revelio.where = (run) => [run.model, run.layer, run.timestep === null ? null : `t = ${run.timestep}`, run.dataset,
    run.split, run.prompt && run.prompt !== "empty" ? `prompt: ${run.prompt}` : null].filter((x) => x !== null
      && x !== undefined);
})();
