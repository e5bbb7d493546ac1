// From the link to the view. The link holds the whole state, so back, forward and sending it to somebody work.
"use strict";

(() => {
  const {el} = revelio, main = document.getElementById("main"), VIEWS = ["neurons", "images", "map", "compare", "lists", "legend"];
  const WITH_ID = {neuron: "neurons", image: "images"};

  revelio.href = (view, id, params = {}) => {
    const query = Object.entries(params).filter(([, value]) => value !== "" && value !== null && value !== undefined).map(
      ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
    return `#/${view}${id === null || id === undefined ? "" : `/${encodeURIComponent(id)}`}${query ? `?${query}` : ""}`;
  };

  function read(hash) {
    const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s), [view, ...rest] = path.split("/");
    const clean = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
    const params = Object.fromEntries(query.split("&").filter(Boolean).map((pair) => {
      const [key, value = ""] = pair.split(/=(.*)/s);
      return [clean(key), clean(value)];
    }));
    return {view: Object.hasOwn(revelio.views, view) ? view : "neurons", id: clean(rest.join("/")), params};
  }

  // Go to a state; while somebody types or moves a switch, the place in the history stays the same.
  revelio.go = (view, id, params, replace) => {
    const to = revelio.href(view, id, params);
    if (!replace) { location.hash = to; return; }
    history.replaceState(null, "", to);
    show();
  };
  revelio.note = (view, id, params) => { // the view shows it already
    history.replaceState(null, "", revelio.href(view, id, params));
    revelio.state = read(location.hash);
  };

  function header() {
    const {state, run} = revelio, here = WITH_ID[state.view] ?? state.view;
    const stay = ["map", "neurons", "images", "image"].includes(state.view);
    const options = revelio.runs.map((x) => [x.key, x.title]);
    revelio.refill(document.getElementById("header"),
      el("strong", {id: "title"}, el("a", {href: revelio.href("neurons", null, {run: run.key})}, el("bdi", {}, revelio.page.title))),
      el("nav", {"aria-label": "views"}, VIEWS.map((view) => el("a", {href: revelio.href(view, null, {run: run.key}),
        "aria-current": view === here ? "page" : null}, view))),
      revelio.runs.length > 1 ? revelio.select("run", run.key, options, (key) => revelio.go(
        state.view === "neuron" ? "neurons" : state.view, stay && state.id ? state.id : null, {run: key,
          ...(state.view === "neurons" ? Object.fromEntries(Object.entries(revelio.keep(state.params)).filter(
            ([name]) => ["q", "level", "class", "about", "fires", "sort", "up"].includes(name))) : {})})) : null);
    document.title = `${here}${state.id ? ` ${state.id}` : ""} · ${run.title} · ${revelio.page.title}`;
  }

  let turn = 0, shown = "";
  async function show() {
    const mine = ++turn, state = read(location.hash);
    revelio.state = state;
    revelio.run = revelio.runs.find((run) => run.key === state.params.run) ?? revelio.runs[0];
    header();
    main.setAttribute("aria-busy", "true");
    let node;
    try {
      node = await revelio.views[state.view](state, revelio.run, main.firstElementChild);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      console.error(error);
      node = el("p.error", {role: "alert"}, error.message);
    }
    if (mine !== turn) return; // somebody went on meanwhile
    const old = main.firstElementChild, focused = main.contains(document.activeElement) ? document.activeElement.id : "";
    if (node !== old) revelio.refill(main, node);
    if (focused) document.getElementById(focused)?.focus();
    const place = state.view + state.id + revelio.run.key;
    if (place !== shown && old) {
      window.scrollTo(0, 0);
      if (!focused && shown) main.focus({preventScroll: true});
    }
    shown = place;
    main.removeAttribute("aria-busy");
    main.dataset.shown = location.hash;
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const number = Number(event.key), rel = {"[": "prev", "]": "next"}[event.key];
    if (event.key === "/") {
      event.preventDefault();
      const field = document.getElementById("search");
      if (field) field.focus();
      else revelio.go("neurons", null, {run: revelio.run.key});
    } else if (number >= 1 && number <= VIEWS.length) revelio.go(VIEWS[number - 1], null, {run: revelio.run.key});
    else if (rel) main.querySelector(`a[rel=${rel}][href]`)?.click();
  }

  async function start() {
    try {
      await revelio.open();
    } catch (error) {
      revelio.refill(main, el("p.error", {role: "alert"}, error.message));
      return;
    }
    const {versions} = revelio.page;
    revelio.refill(document.getElementById("footer"), `Made by revelio ${versions.revelio ?? ""}. Nothing on this page comes from the network.`);
    document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
    window.addEventListener("hashchange", show);
    document.addEventListener("keydown", keys);
    await show();
    const {run} = revelio, {images} = run; // what the next clicks will need
    run.readAhead(Object.keys(run.columns).filter((name) => !/^(detail|heat|gap|step|n_active)/.test(name)))
      .then(() => run.codes()).then(() => images.readAhead(Object.keys(images.columns))).catch((error) => console.error(error));
  }

  start();
})();
