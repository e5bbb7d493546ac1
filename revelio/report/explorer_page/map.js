// Neurons in two dimensions: hover or move with the arrow keys to see one, draw around some to see all of them.
"use strict";

(() => {
  const {el, svg, num} = revelio, SHOWN = 24, HEIGHT = 520;
  const PICTURES = 80, SIDE = 40; // so many dots in view, or fewer, are pictures of this size

  // Which points are coloured how: by granularity, or by the class of most top images at a level.
  function coloring(run, params) {
    const {levels} = run.images, level = levels.findIndex((x) => x.name === params.color);
    if (level >= 0) {
      const classes = levels[level].classes, column = run.$[`top_class${level}`];
      const counts = new Uint32Array(classes.length);
      column.forEach((label) => { if (label < classes.length) counts[label]++; });
      const order = [...counts.keys()].filter((i) => counts[i]).sort((a, b) => counts[b] - counts[a]).slice(0, 12);
      return {palette: classes.map((_, i) => revelio.classColor(i, classes.length)), of: (i) => column[i],
        legend: order.map((i) => [revelio.classColor(i, classes.length), classes[i]]),
        more: counts.filter(Boolean).length - order.length};
    }
    return {palette: levels.map((_, i) => revelio.levelColor(i)), of: (i) => run.$.granularity[i],
      legend: levels.map((x, i) => [revelio.levelColor(i), x.name]), more: 0};
  }

  // Points inside a polygon, by counting the sides that a ray crosses.
  function inside(polygon, x, y) {
    let odd = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
      const [x1, y1] = polygon[i], [x2, y2] = polygon[j];
      if ((y1 > y) !== (y2 > y) && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
    }
    return odd;
  }

  const pairs = (text) => {
    const numbers = (text ?? "").split(",").map(Number), found = [];
    for (let i = 0; i + 1 < numbers.length; i += 2) found.push([numbers[i], numbers[i + 1]]);
    return found.every((pair) => pair.every(Number.isFinite)) ? found : [];
  };

  class Plot {
    constructor(run, points, alive, colors, box) {
      Object.assign(this, {run, points, alive, colors, current: -1, lasso: [], sheets: new Map(), screen: new Float32Array(points.length)});
      this.canvas = el("canvas", {tabindex: "0", role: "application", "aria-label":
        "map of neurons: arrow keys move, Enter opens, plus and minus zoom, Escape forgets the selection"});
      this.whole = Plot.bounds(points, alive);
      this.box = box ?? this.whole;
    }

    static bounds(points, alive) {
      const box = [Infinity, Infinity, -Infinity, -Infinity];
      for (const i of alive) {
        const x = points[2 * i], y = points[2 * i + 1];
        box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);
        box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y);
      }
      const w = (box[2] - box[0]) || 1, h = (box[3] - box[1]) || 1;
      return alive.length ? [box[0] - 0.04 * w, box[1] - 0.04 * h, box[2] + 0.04 * w, box[3] + 0.04 * h] : [0, 0, 1, 1];
    }

    toScreen(x, y) {
      const [x1, y1, x2, y2] = this.box;
      return [((x - x1) / (x2 - x1)) * this.width, (1 - (y - y1) / (y2 - y1)) * this.height];
    }

    toData(x, y) {
      const [x1, y1, x2, y2] = this.box;
      return [x1 + (x / this.width) * (x2 - x1), y1 + (1 - y / this.height) * (y2 - y1)];
    }

    resize() {
      const scale = window.devicePixelRatio || 1;
      this.width = this.canvas.clientWidth || 800;
      this.height = this.canvas.clientHeight || HEIGHT;
      this.canvas.width = this.width * scale;
      this.canvas.height = this.height * scale;
      this.context = this.canvas.getContext("2d");
      this.context.setTransform(scale, 0, 0, scale, 0, 0);
      this.place();
      this.draw();
    }

    // Where each point is on the screen.
    place() {
      const [x1, y1, x2, y2] = this.box, {points, screen} = this;
      for (const i of this.alive) {
        screen[2 * i] = ((points[2 * i] - x1) / (x2 - x1)) * this.width;
        screen[2 * i + 1] = (1 - (points[2 * i + 1] - y1) / (y2 - y1)) * this.height;
      }
    }

    // A colour of the style sheet as the number that it is among pixels.
    pixel(color) {
      this.context.fillStyle = color;
      const [r, g, b] = this.context.fillStyle.match(/[0-9a-f]{2}/g).map((x) => parseInt(x, 16));
      return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    }

    // Points are drawn as pixels, grey ones first: tens of thousands of shapes would be slow.
    draw() {
      const {context, screen, colors} = this, {width, height} = this.canvas, scale = width / this.width;
      const size = Math.round(scale * (this.alive.length > 20000 ? 2 : this.alive.length > 4000 ? 3 : 4));
      const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
      const quiet = this.pixel(getComputedStyle(this.canvas).getPropertyValue("--dots").trim());
      const palette = Uint32Array.from(colors.palette, (color) => this.pixel(color));
      for (const grey of [true, false]) {
        for (const i of this.alive) {
          const color = palette[colors.of(i)];
          if ((color === undefined) !== grey) continue;
          const left = Math.round(screen[2 * i] * scale - size / 2), top = Math.round(screen[2 * i + 1] * scale - size / 2);
          if (left < 0 || top < 0 || left + size > width || top + size > height) continue;
          for (let y = top; y < top + size; y++) pixels.fill(color ?? quiet, y * width + left, y * width + left + size);
        }
      }
      context.putImageData(image, 0, 0);
      this.pictures(colors);
      const ink = getComputedStyle(this.canvas).color;
      if (this.lasso.length > 1) {
        context.beginPath();
        this.lasso.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](...this.toScreen(x, y)));
        context.closePath();
        context.strokeStyle = ink;
        context.stroke();
      }
      if (this.current >= 0) {
        context.beginPath();
        context.arc(screen[2 * this.current], screen[2 * this.current + 1], 8, 0, 7);
        context.strokeStyle = ink;
        context.lineWidth = 2;
        context.stroke();
        context.lineWidth = 1;
      }
    }

    // Where few neurons are in view, each is the picture that it fires for most, framed in its colour.
    pictures(colors) {
      const {context, run, screen} = this, set = run.images, n = set.sheet;
      const near = this.alive.filter((i) => screen[2 * i] >= 0 && screen[2 * i] <= this.width
        && screen[2 * i + 1] >= 0 && screen[2 * i + 1] <= this.height);
      if (near.length > PICTURES) return;
      for (const i of near) {
        const [row] = run.top(i, 1);
        if (row === undefined || !set.$.has_picture[row]) continue;
        const sheet = this.sheet(`data/${set.part}/sheets/${Math.floor(row / (n * n))}.webp`), place = row % (n * n);
        if (!sheet.naturalWidth) continue; // it is drawn when it is there
        const side = sheet.naturalWidth / n, left = screen[2 * i] - SIDE / 2, top = screen[2 * i + 1] - SIDE / 2;
        context.drawImage(sheet, (place % n) * side, Math.floor(place / n) * side, side, side, left, top, SIDE, SIDE);
        context.strokeStyle = colors.palette[colors.of(i)] ?? getComputedStyle(this.canvas).getPropertyValue("--dots").trim();
        context.strokeRect(left, top, SIDE, SIDE);
      }
    }

    sheet(url) {
      if (!this.sheets.has(url)) {
        const image = new Image();
        image.onload = () => { if (this.canvas.isConnected) this.draw(); };
        image.src = url;
        this.sheets.set(url, image);
      }
      return this.sheets.get(url);
    }

    nearest(x, y) {
      let best = -1, least = 20 * 20;
      for (const i of this.alive) {
        const far = (this.screen[2 * i] - x) ** 2 + (this.screen[2 * i + 1] - y) ** 2;
        if (far < least) { least = far; best = i; }
      }
      return best;
    }

    // The next point in a direction: far ones and those off the direction count less.
    step(dx, dy) {
      if (this.current < 0) return this.alive[0] ?? -1;
      const x0 = this.screen[2 * this.current], y0 = this.screen[2 * this.current + 1];
      let best = this.current, least = Infinity;
      for (const i of this.alive) {
        const x = this.screen[2 * i] - x0, y = this.screen[2 * i + 1] - y0, along = x * dx + y * dy;
        const cost = along + 3 * Math.abs(x * dy - y * dx);
        if (along > 0.5 && cost < least) { least = cost; best = i; }
      }
      return best;
    }

    zoom(factor, x = this.width / 2, y = this.height / 2) {
      const [cx, cy] = this.toData(x, y), [x1, y1, x2, y2] = this.box;
      this.box = [cx + (x1 - cx) * factor, cy + (y1 - cy) * factor, cx + (x2 - cx) * factor, cy + (y2 - cy) * factor];
    }

    selected() {
      return this.lasso.length < 3 ? [] : this.alive.filter((i) => inside(this.lasso, this.points[2 * i],
        this.points[2 * i + 1]));
    }
  }

  // Mouse, pen and keys; `show` is told of the neuron to look at, `settle` when the link should follow.
  function listen(plot, show, settle, open) {
    const {canvas} = plot, look = (i) => { plot.current = i; plot.draw(); show(i); };
    let drawing = false, moved = false, timer;
    const later = () => { clearTimeout(timer); timer = setTimeout(settle, 250); };
    const zoom = (...args) => { plot.zoom(...args); plot.place(); plot.draw(); later(); };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      drawing = [plot.toData(event.offsetX, event.offsetY)];
      moved = false;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drawing) {
        const i = plot.nearest(event.offsetX, event.offsetY);
        if (i >= 0 && i !== plot.current) look(i);
        return;
      }
      drawing.push(plot.toData(event.offsetX, event.offsetY));
      if (drawing.length > 3) { moved = true; plot.lasso = drawing; plot.draw(); }
    });
    canvas.addEventListener("pointerup", (event) => {
      const done = drawing;
      drawing = false;
      if (moved && done) {
        const every = Math.ceil(done.length / 60);
        plot.lasso = done.filter((_, i) => i % every === 0);
        settle();
      } else {
        const i = plot.nearest(event.offsetX, event.offsetY);
        if (i >= 0 && i === plot.current && event.pointerType === "mouse") open(i);
        else if (i >= 0) look(i);
      }
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, event.offsetX, event.offsetY);
    }, {passive: false});
    const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    canvas.addEventListener("keydown", (event) => {
      if (arrows[event.key]) look(plot.step(...arrows[event.key]));
      else if (event.key === "Enter" && plot.current >= 0) open(plot.current);
      else if (event.key === "+") zoom(0.8);
      else if (event.key === "-") zoom(1.25);
      else if (event.key === "Escape") { plot.lasso = []; plot.draw(); settle(); }
      else return;
      event.preventDefault();
    });
    return zoom;
  }

  function selection(run, chosen) {
    if (!chosen.length) return el("p.quiet", {}, "Draw around points to see their neurons.");
    return el("section", {}, el("h2", {}, `${revelio.count(chosen.length, "neuron")} selected`),
      chosen.length > SHOWN ? el("p.quiet", {}, `The ${SHOWN} that fire most often:`) : null,
      el("div.cards", {}, chosen.sort((a, b) => run.$.n_firing[b] - run.$.n_firing[a]).slice(0, SHOWN).map((i) => (
        revelio.card(run, i, {n: 8})))));
  }

  revelio.views.map = async (state, run) => {
    const {params} = state, how = params.how === "umap" && run.has("umap") ? "umap" : "pca";
    await Promise.all([revelio.needCards(run), run.need(how)]);
    const points = run.$[how], alive = [];
    for (let i = 0; i < run.n_neurons; i++) if (!Number.isNaN(points[2 * i])) alive.push(i);
    const colors = coloring(run, params), zoomed = (params.zoom ?? "").split(",").map(Number);
    const plot = new Plot(run, points, alive, colors, zoomed.length === 4 && zoomed.every(Number.isFinite) ? zoomed : null);
    plot.lasso = pairs(params.lasso);
    plot.current = /^\d+$/.test(params.at ?? "") && alive.includes(Number(params.at)) ? Number(params.at) : -1;
    const aside = el("aside", {"aria-live": "polite"}), below = el("div", {});
    const show = (i) => revelio.refill(aside, i < 0 ? el("p.quiet", {},
      "Move over a point, or press an arrow key here, to see its neuron; click it again, or press Enter, to open it.")
      : revelio.card(run, i, {n: 8}));
    const short = (list) => list.flat().map((x) => Number(x.toPrecision(5))).join(",");
    const here = () => ({run: run.key, how: how === "pca" ? "" : how, color: params.color ?? "",
      zoom: plot.box === plot.whole ? "" : short(plot.box), lasso: short(plot.lasso)});
    const settle = () => { // the link follows; what is drawn is right already
      revelio.refill(below, selection(run, plot.selected()));
      revelio.note("map", null, {...here(), at: plot.current >= 0 ? plot.current : ""});
    };
    const zoom = listen(plot, show, settle, (i) => { settle(); revelio.go("neuron", i, {run: run.key}); });
    const change = (changes) => revelio.go("map", null, {...here(), ...changes});
    const {levels} = run.images;
    const button = (text, label, factor) => el("button", {type: "button", "aria-label": label,
      onclick: () => (factor ? zoom(factor) : change({zoom: ""}))}, text);
    show(plot.current);
    revelio.put(below, selection(run, plot.selected()));
    new ResizeObserver(() => { if (plot.canvas.isConnected) plot.resize(); }).observe(plot.canvas);
    return el("section", {}, el("h1", {}, "Map ", el("small", {}, run.title)), revelio.warning(run),
      el("p.quiet", {}, `${revelio.count(alive.length, "neuron")} that fire. `, revelio.term("map", "What is near?")),
      el("form.controls", {onsubmit: (event) => event.preventDefault()},
        revelio.select("layout", how, [["pca", "PCA"], ...(run.has("umap") ? [["umap", "UMAP"]] : [])],
          (value) => change({how: value === "pca" ? "" : value, zoom: "", lasso: ""})),
        levels.length ? revelio.select("colour", params.color ?? "", [["", "granularity"], ...levels.map((x) => [x.name,
          `${x.name} of top images`])], (value) => change({color: value})) : null,
        el("span.field", {}, el("span", {}, "zoom"), el("span.pair", {}, button("+", "closer", 0.7),
          button("−", "farther", 1.4), button("all", "show all", 0)))),
      el("ul.key", {}, colors.legend.map(([color, name]) => {
        const dot = el("i", {});
        dot.style.background = color;
        return el("li", {}, dot, el("bdi", {}, name));
      }), colors.more > 0 ? el("li.quiet", {}, `and ${colors.more} more`) : null),
      el("div.map", {}, plot.canvas, aside), below);
  };
})();
