// What each number means and how it was computed, and what the runs were made from.
"use strict";

(() => {
  const {el, num, percent} = revelio;

  revelio.terms = {
    neuron: {name: "neuron", what: "A unit of the k-sparse autoencoder (k-SAE) that was trained on the features of one layer at one "
      + "timestep. Each image makes exactly k neurons fire, or fewer where fewer are above zero."},
    name: {name: "name", what: "The n-gram that most captions of the ten top images share and few other captions have. Its score is the share "
      + "of the top images times the rarity log(N / n with it) / log N: 1 when all of them and almost nothing else has it. "
      + "\"unnamed\" where no n-gram is in three of ten. Where no image has a caption, a neuron is named after the class that it "
      + "detects best or that its images share, or else after words of the ids."},
    density: {name: "density", what: "The share of the images for which the neuron fires, that is, for which it is among the k strongest "
      + "and above zero. A neuron that never fires is dead."},
    mean: {name: "activation", what: "How strongly a neuron fires for an image: its entry in the image's k-sparse code. The mean is over the "
      + "images for which it fires. On this page a single activation is rounded to one of 256 steps between the neuron's "
      + "weakest and strongest; the order of the top images is exact."},
    purity: {name: "purity@10", what: "Among the ten images that a neuron fires for most, the share of the commonest class. Chance is the mean "
      + "of the same for images drawn at random, as many of one split group as among its own: with few classes even a neuron that knows nothing is fairly pure. Not "
      + "measured for neurons that fire for fewer than ten images."},
    interval: {name: "95 %", what: "The 95 % bootstrap interval of purity@10 over the ten images."},
    lift: {name: "lift", what: "Purity between chance (0) and the highest that is possible (1): (purity - chance) / (highest - chance). It "
      + "can be compared between label levels."},
    entropy: {name: "entropy", what: "The entropy of the classes of the ten top images, in bits: 0 when all are of one class."},
    ap: {name: "AP", what: "Average precision of the neuron as a detector of the class that it detects best (\"detects\"): 1 when every image "
      + "of that class comes before all others."},
    selectivity: {name: "selectivity", what: "Mean activation over the images of the class that it detects best, minus that over all other "
      + "images, divided by their sum: 1 when it fires for that class alone, 0 when it does not tell, over all images."},
    granularity: {name: "granularity", what: "The label level that a neuron is about: the finest of the nested levels at which it keeps most of its "
      + "best lift, or a level outside the nesting if its lift is higher there. \"no label\": at no level purer than chance "
      + "(Benjamini-Hochberg at 5 % among all neurons)."},
    decoder: {name: "writes alike", what: "The cosine of the two neurons' decoder rows: 1 when they write the same direction into the feature."},
    cofiring: {name: "fires alike", what: "The correlation (phi) of firing or not over the images: 1 when they fire for the same images, 0 when each "
      + "fires as if the other were not there."},
    match: {name: "match", what: "The neuron of another run whose activations correlate most with this one's over the images that both runs have. "
      + "The best of thousands looks alike by luck as well: chance is the mean of the same for shuffled images."},
    steered: {name: "turned up", what: "The same noise drawn by the model with the neuron added to its layer, at every position: a strength of 1 is "
      + "what is strong for the neuron (the 95th percentile of its code where it fires). How much a pixel changes on average sorts the neurons. "
      + "They are drawn for chosen neurons only."},
    needed: {name: "loss without it", what: "By how much the denoising loss on the images of a class rises when the neuron alone is silenced in the layer, "
      + "relative to that loss, on noise that is the same with and without. It sorts neurons by the class that loses most."},
    heat: {name: "heat map", what: "The neuron's activation at each position of the feature map, before the k strongest are taken; its mean over "
      + "positions is the activation of the image. Nothing is drawn where it is at or below zero; brightest is the highest over "
      + "all images shown for the neuron. They are kept for chosen neurons only."},
    map: {name: "map", what: "Each neuron is a point in the space of images: its activations over all images, scaled to length one and centred. "
      + "PCA shows the two directions in which neurons differ most: what lies together fires for the same images. Its axes are "
      + "stretched in the middle (arcsinh of the coordinate over its median size), where most neurons are. UMAP "
      + "arranges the first fifty directions so that near neurons stay near; distances between groups mean little. Where few are "
      + "in view, each is the picture that it fires for most, framed in its colour."},
    classes: {name: "classes of its images", what: "Of all images for which a neuron fires, the share in each class (bar), against the share of that "
      + "class among all images (line): what it would be if firing had nothing to do with the class."},
    fvu: {name: "FVU", what: "The fraction of the features' variance that the k-SAE leaves unexplained, on held-out images where there are "
      + "some: 0 is best."},
    timestep: {name: "timestep", what: "How much noise was added to the image before the model saw it: 0 is nearly clean, the last is noise."},
    layer: {name: "layer", what: "The place in the model whose output, averaged over positions, is the feature."},
  };

  const rows = (object) => Object.entries(object ?? {}).filter(([, value]) => value !== null && value !== undefined).map(
    ([key, value]) => el("tr", {}, el("th", {scope: "row"}, key.replaceAll("_", " ")), el("td", {}, el("bdi", {},
      typeof value === "object" ? JSON.stringify(value) : String(value)))));

  revelio.views.legend = async (state, run) => {
    const at = state.params.at, node = el("section", {}, el("h1", {}, "Legend"),
      el("p", {}, "What the numbers mean and how they were computed. Everything on this page was computed when it was made; the page "
        + "loads nothing from the network."),
      el("dl.legend", {}, Object.entries(revelio.terms).map(([key, {name, what}]) => [
        el("dt", {id: `term-${key}`, class: key === at ? "target" : null}, name), el("dd", {}, what)])),
      el("h2", {}, "Keys"), el("table.keys", {}, el("tbody", {}, [["/", "search"], ["[ and ]", "previous and next page, neuron or image"],
        ["1 to 6", "neurons, images, map, compare, lists, legend"], ["arrow keys", "on the map: the next neuron"]].map(([key, what]) => (
        el("tr", {}, el("th", {scope: "row"}, el("kbd", {}, key)), el("td", {}, what)))))),
      el("h2", {}, "This run ", el("small", {}, run.title)),
      el("div.scroll", {}, el("table", {}, el("thead", {}, el("tr", {}, ["images", "number", "FVU", "active neurons per image (L0)",
        "dead neurons"].map((x) => el("th", {}, x)))), el("tbody", {}, Object.entries(run.metrics).map(([name, m]) => el("tr", {},
        el("td", {}, name.replace("_", " ")), el("td.number", {}, m.n_images.toLocaleString("en")), el("td.number", {}, num(m.fvu)),
        el("td.number", {}, num(m.l0)), el("td.number", {}, percent(m.dead_share))))))),
      el("p.quiet", {}, `Neurons are measured on ${run.images_used === "all" ? "all" : run.images_used} images.`),
      el("h3", {}, "Features"), el("div.scroll", {}, el("table", {}, el("tbody", {}, rows(run.settings)))),
      el("h3", {}, "k-SAE"), el("div.scroll", {}, el("table", {}, el("tbody", {}, rows({n_neurons: run.n_neurons, k: run.k,
        ...run.training})))),
      el("h3", {}, "Made with"), el("div.scroll", {}, el("table", {}, el("tbody", {}, rows(run.versions)))));
    if (at) requestAnimationFrame(() => document.getElementById(`term-${at}`)?.scrollIntoView({block: "center"}));
    return node;
  };
})();
