// The data of the page. A page on the disk may not read files, but it may load scripts, so each array is a script that
// calls revelio.got(name, blocks). It is loaded when first asked for and then kept.
"use strict";

const revelio = {};

(() => {
  const kinds = {u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array};
  const asked = new Map(); // name -> {promise, resolve}

  // Load one array; `spec` is [kind, width].
  revelio.load = (name, spec) => {
    if (!asked.has(name)) {
      const entry = {};
      asked.set(name, entry);
      entry.promise = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        entry.resolve = (blocks) => decode(blocks, spec[0]).then(resolve, reject);
        script.src = `data/${name}.js`;
        script.onload = () => script.remove();
        script.onerror = () => {
          asked.delete(name);
          reject(new Error(`data/${name}.js cannot be read. The page needs the whole folder that it came in.`));
        };
        document.head.append(script);
      });
    }
    return asked.get(name).promise;
  };

  revelio.got = (name, blocks) => asked.get(name)?.resolve(blocks);

  async function inflate(text) {
    const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text)
      : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // Put the bytes of each number back together: a block holds all first bytes, then all second ones, …
  async function decode(texts, kind) {
    const blocks = await Promise.all(texts.map(inflate));
    if (kind === "json") {
      return blocks.flatMap((block) => JSON.parse(new TextDecoder().decode(block)));
    }
    const size = kinds[kind].BYTES_PER_ELEMENT;
    const out = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let start = 0;
    for (const block of blocks) {
      const n = block.length / size;
      for (let byte = 0; byte < size; byte++) {
        for (let i = 0, to = start + byte, from = byte * n; i < n; i++, to += size) out[to] = block[from + i];
      }
      start += block.length;
    }
    return new kinds[kind](out.buffer);
  }

  // Something that has arrays: a run, or a set of images.
  class Part {
    constructor(info, path) {
      Object.assign(this, info);
      this.path = path;
      this.$ = {}; // arrays that are there
    }

    has(name) { return name in this.columns || name in this.$; }

    width(name) { return this.columns[name][1]; }

    // Read arrays while nothing else is to be done, so that they are there when somebody asks.
    async readAhead(names) {
      for (const name of names) {
        await new Promise((resolve) => (window.requestIdleCallback ?? setTimeout)(resolve));
        await this.need(name);
      }
    }

    async need(...names) {
      const missing = names.filter((name) => !(name in this.$));
      await Promise.all(missing.map(async (name) => {
        this.$[name] = await revelio.load(`${this.path}/${name}`, this.columns[name]);
      }));
      return this.$;
    }
  }

  revelio.ImageSet = class extends Part {
    // What every picture needs: its words, and whether there is a picture.
    async words() {
      this.main = this.level(this.mainLevel);
      await this.need("id", "caption", "has_picture", ...(this.levels.length ? [`label${this.main}`] : []));
    }

    level(name) { return Math.max(0, this.levels.findIndex((level) => level.name === name)); }

    className(level, row) {
      const label = this.$[`label${level}`][row];
      return this.levels[level].classes[label] ?? null;
    }

    alt(row) {
      const named = this.$.caption[row] || this.$.id[row];
      const label = this.levels.length ? this.className(this.main, row) : null;
      return label && label !== named ? `${named} (${label})` : named;
    }
  };

  revelio.Run = class extends Part {
    constructor(info, number, set) {
      super(info, info.part);
      this.number = number;
      this.images = set;
    }

    get nMeasured() { return this.images_used === "held-out" ? this.metrics.held_out.n_images : this.n_images; }

    async base() {
      await Promise.all([this.images.words(), this.rowsOfSet(),
        this.need("n_firing", "mean_activation", "name", "granularity", "top")]);
      this.$.density ??= Float32Array.from(this.$.n_firing, (n) => n / this.nMeasured);
    }

    // A run on a part of the images numbers them in its own way.
    async rowsOfSet() {
      if (!this.has("rows") || this.fromSet) return;
      const {rows} = await this.need("rows");
      this.fromSet = new Int32Array(this.images.n).fill(-1);
      rows.forEach((row, i) => { this.fromSet[row] = i; });
    }

    // All neurons, those that fire for most images first.
    byFiring() {
      if (!this.order) {
        const keys = new Float64Array(this.n_neurons);
        for (let i = 0; i < keys.length; i++) keys[i] = (2 ** 32 - this.$.n_firing[i]) * 2 ** 20 + i;
        this.order = Array.from(keys.sort(), (key) => key % 2 ** 20);
      }
      return this.order;
    }

    toSet(row) { return this.$.rows ? this.$.rows[row] : row; }

    ownRow(row) { return this.fromSet ? this.fromSet[row] : row < this.n_images ? row : -1; }

    // The first top images of a neuron, strongest first, as rows of the image set.
    top(neuron, n) {
      const width = this.width("top"), none = 256 ** this.$.top.BYTES_PER_ELEMENT - 1, found = [];
      for (let i = neuron * width; i < neuron * width + Math.min(n, width) && this.$.top[i] !== none; i++) {
        found.push(this.toSet(this.$.top[i]));
      }
      return found;
    }

    // All that one neuron shows, from its pack: a function from a name to its numbers.
    async detail(neuron) {
      const name = `detail${Math.floor(neuron / this.pack)}`, n = this.width(name), place = neuron % this.pack;
      const pack = (await this.need(name))[name];
      return (key) => {
        const [at, width] = this.details[key];
        return Array.from({length: width}, (_, i) => pack[(at + i) * n + place]);
      };
    }

    activation(neuron, step) {
      const low = this.$.low[neuron], high = this.$.high[neuron];
      return low * (high / low) ** (step / 255);
    }

    // Codes by image and by neuron.
    codes() {
      this.indexed ??= this.index();
      return this.indexed;
    }

    async index() {
      const {n_active, gap, step} = await this.need("n_active", "gap", "step", "low", "high");
      const imageStart = new Uint32Array(n_active.length + 1), imageNeuron = new Uint32Array(gap.length);
      const neuronStart = new Uint32Array(this.n_neurons + 1);
      for (let image = 0, at = 0; image < n_active.length; image++) {
        for (let end = at + n_active[image], neuron = 0; at < end; at++) {
          imageNeuron[at] = neuron += gap[at];
          neuronStart[neuron + 1]++;
        }
        imageStart[image + 1] = at;
      }
      await revelio.pause();
      for (let neuron = 0; neuron < this.n_neurons; neuron++) neuronStart[neuron + 1] += neuronStart[neuron];
      const next = neuronStart.slice(), neuronRow = new Uint32Array(gap.length);
      const neuronStep = new Uint8Array(gap.length);
      for (let image = 0; image < n_active.length; image++) {
        for (let at = imageStart[image]; at < imageStart[image + 1]; at++) {
          const to = next[imageNeuron[at]]++;
          neuronRow[to] = image;
          neuronStep[to] = step[at];
        }
      }
      delete this.$.gap;
      return {imageStart, imageNeuron, imageStep: step, neuronStart, neuronRow, neuronStep};
    }

    // The neurons of an image of the set, strongest first.
    async neuronsOf(row) {
      await this.rowsOfSet();
      const own = this.ownRow(row);
      if (own < 0) return [];
      const codes = await this.codes(), found = [];
      for (let at = codes.imageStart[own]; at < codes.imageStart[own + 1]; at++) {
        const neuron = codes.imageNeuron[at], step = codes.imageStep[at];
        found.push({neuron, step, activation: this.activation(neuron, step)});
      }
      return found.sort((a, b) => b.activation - a.activation);
    }

    // The images of a neuron as rows of the set, strongest first, the first ones in their exact order.
    async imagesOf(neuron) {
      const codes = await this.codes(), steps = new Map();
      for (let at = codes.neuronStart[neuron]; at < codes.neuronStart[neuron + 1]; at++) {
        steps.set(this.toSet(codes.neuronRow[at]), codes.neuronStep[at]);
      }
      const rows = (await this.detail(neuron))("top").filter((row) => row >= 0);
      const top = rows.map((row) => this.toSet(row)), first = new Set(top);
      const rest = [...steps].filter(([row]) => !first.has(row)).sort((a, b) => b[1] - a[1]);
      return [...top.map((row) => [row, steps.get(row)]), ...rest].map(([row, step]) => (
        {row, step, activation: this.activation(neuron, step)}));
    }

    // Heat maps of a neuron: row of the set -> bytes; nothing where none were kept.
    async heatOf(neuron) {
      const found = new Map();
      if (!this.heat) return found;
      const {heat_neurons, heat_rows} = await this.need("heat_neurons", "heat_rows");
      const place = heat_neurons.indexOf(neuron), {n_images, height, width, pack} = this.heat;
      if (place < 0) return found;
      const name = `heat${Math.floor(place / pack)}`, maps = (await this.need(name))[name];
      const none = 256 ** heat_rows.BYTES_PER_ELEMENT - 1;
      for (let i = 0; i < n_images; i++) {
        const row = heat_rows[place * n_images + i], start = ((place % pack) * n_images + i) * height * width;
        if (row !== none) found.set(this.toSet(row), maps.subarray(start, start + height * width));
      }
      return found;
    }
  };

  revelio.pause = () => new Promise((resolve) => setTimeout(resolve));

  revelio.open = async () => {
    const [page] = await revelio.load("page/page", ["json", 1]);
    revelio.page = page;
    revelio.sets = page.sets.map((info) => new revelio.ImageSet(info, `${info.part}/columns`));
    revelio.runs = page.runs.map((info, i) => new revelio.Run(
      {...info, images_used: info.images}, i, revelio.sets[info.set]));
  };
})();
