# What is computed from what: one papermill run per job. `snakemake --cores 2 --config preset=mini`
#
#     extract (one job per run) -> ksae (one job per run) -------------------------> figures -> index
#                               -> probes, diffc (one job per entry) -> inference ->
#                                      ksae ---------------------------> explorer ->
#
# A kernel costs seconds, so a job takes many cells.
#
# Snakemake deletes the declared outputs of a job before it runs it, so rules declare small markers, never a store or a k-SAE
# folder: those resume. A marker holds a fingerprint of the settings it was made with. Before the graph is made, a marker is
# dropped when its folder is not whole or when the preset asks for other settings; the `ksae` job of a run then declares the
# dropped markers alone, and so do the `probes` and `diffc` jobs of an entry. So one deleted k-SAE or classifier redoes that
# cell and what hangs on it, and nothing else.
import hashlib
import itertools
import json
import os
import shlex
import sys
import time
from pathlib import Path

import yaml

from revelio.core import cell_name, expand_cells

HERE = Path(workflow.basedir)
PRESET = config.get("preset", "mini")
OUT = Path(config.get("out", f"out/{PRESET}"))
FIGURES = Path(config.get("figures", f"paper_figures/{PRESET}"))
PLAN = yaml.safe_load((HERE / "presets" / f"{PRESET}.yaml").read_text())
DATA = Path(os.environ.get("REVELIO_DATA", HERE / "data"))
if config.get("rehearse"):  # the same graph on a CPU, in minutes: the settings of `rehearse` lie over those of every job
    small = PLAN["rehearse"]
    PLAN |= {key: small[key] for key in ("gpus", "threads", "mem_mb")}
    for run in PLAN["runs"].values():
        run["extract"].update(small["extract"])
        run.get("ksae", {}).update(small["ksae"])
    for kind in ("probes", "diffc", "inference"):
        for entry in PLAN.get(kind, {}).values():
            entry.update(small[kind])
GPUS = PLAN.get("gpus", 0)
MEMORY = PLAN.get("mem_mb", 3000)  # of a job that runs a model, in MB
BEGUN = time.time()


def fingerprint(settings):
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()


def keep_marker(marker, settings, made, sources=()):
    "Drop a marker that does not stand for whole folders, made with these settings after their sources; say whether it stays."
    stays = (marker.exists() and marker.read_text().strip() == fingerprint(settings) and all(m.exists() for m in made)
             and all(s.stat().st_mtime <= marker.stat().st_mtime for s in sources))
    if not stays:
        marker.unlink(missing_ok=True)
    return stays


def store_marker(run):
    return OUT / "stores" / f"{run}.done"


def cell_folder(run, *cell):
    return OUT / "ksae" / run / cell_name(*cell)


def cell_marker(run, *cell):
    return OUT / "ksae" / run / f"{cell_name(*cell)}.done"


def embedded(run):
    "The embedded weights and images that a run reads."
    wanted = PLAN["runs"][run]["extract"]
    model = DATA / "models" / wanted["model"]
    if model.is_dir() and not (model / "model_index.json").exists():  # a variant: its base lies beside it
        model = DATA / "models"
    return [p for part in (model, DATA / wanted["dataset"]) for p in sorted(part.rglob("*"))
            if p.suffix in (".safetensors", ".parquet")]


def chooser_run(run):
    "The run whose store guesses classes for prompt `clip`, if it is one of this preset (and not a CLIP model)."
    source = PLAN["runs"][run]["extract"].get("chooser", "").split("/")[0]
    return source if source in PLAN["runs"] else None


def extract_settings(run):
    "What a store is made of: the settings of its run, and of the run that its chooser reads."
    return [PLAN["runs"][r]["extract"] for r in (run, chooser_run(run)) if r]


def extract_json(run):
    made = {**PLAN["runs"][run]["extract"], "out": str(OUT / "stores" / run)}
    return json.dumps(made | ({"chooser": str(OUT / "stores" / made["chooser"])} if chooser_run(run) else {}))


for run in PLAN["runs"].values():
    run["extract"] = {"limit": None, **run["extract"]}  # the notebook's own default is a small rehearsal

DUE, WHOLE = {}, {}  # run -> the cells that are to be computed; is its store whole
for name, run in PLAN["runs"].items():
    made_of = [store_marker(chooser_run(name))] if chooser_run(name) else []
    WHOLE[name] = whole = keep_marker(store_marker(name), extract_settings(name),
                                      [OUT / "stores" / name / "manifest.json", *made_of], embedded(name))
    DUE[name] = []
    for cell in expand_cells(run.get("cells", [])):
        made = [cell_folder(name, *cell) / part for part in ("ksae/provenance.json", "concepts/manifest.json")]
        if not whole:
            cell_marker(name, *cell).unlink(missing_ok=True)
        if not keep_marker(cell_marker(name, *cell), [run["extract"], run["ksae"]], made):
            DUE[name].append(cell)


# Probes and Diff-Cs. An entry of the preset names pairs of runs, train: test (null: split groups are held out), and
# the parameters of its stage; its cells are those given as far as a train run has them, or all of each.
def entries():
    return [(kind, name) for kind in ("probes", "diffc") for name in PLAN.get(kind, {})]


def entry_cells(kind, entry):
    "(train run, layer, timestep) of an entry: of the cells asked for, those that a run has."
    plan = PLAN[kind][entry]
    held = [(run, *c[:2]) for run in plan["runs"] for c in expand_cells([PLAN["runs"][run]["extract"]])]
    asked = [c[:2] for c in expand_cells(plan["cells"])] if "cells" in plan else [c[1:] for c in held]
    if strange := [c for c in asked if c not in [h[1:] for h in held]]:
        raise WorkflowError(f"{kind}/{entry} of preset {PRESET} asks for {strange[0]}, which none of its runs extracts: "
                            f"{', '.join(plan['runs'])}")
    return [h for h in held if h[1:] in asked]


def result_folder(kind, entry, run, *cell):
    return OUT / kind / entry / run / cell_name(*cell)


def result_marker(kind, entry, run, *cell):
    return OUT / kind / entry / run / f"{cell_name(*cell)}.done"


def stage_settings(kind, entry):
    return {k: v for k, v in PLAN[kind][entry].items() if k not in ("runs", "cells")}


def entry_mark(kind, entry):
    "All that the results of an entry are made with."
    stores = [[run and extract_settings(run) for run in pair] for pair in PLAN[kind][entry]["runs"].items()]
    return [stores, stage_settings(kind, entry)]


def result_files(kind, entry, folder):
    "What must be in the folder of a cell."
    wanted = stage_settings(kind, entry)
    names = poolings = wanted.get("poolings", ["gap"])
    if kind == "diffc":
        parts = itertools.product(wanted.get("levels", ["group"]), poolings, wanted.get("seeds", [0]))
        names = [f"{level}-{pooling}-s{seed}" for level, pooling, seed in parts]
    return [folder / name / "results.json" for name in names]


for kind, entry in entries():
    DUE[kind, entry] = []
    for cell in entry_cells(kind, entry):
        pair = cell[0], PLAN[kind][entry]["runs"][cell[0]]
        marker, made = result_marker(kind, entry, *cell), result_files(kind, entry, result_folder(kind, entry, *cell))
        if not all(WHOLE[run] for run in pair if run):
            marker.unlink(missing_ok=True)
        if not keep_marker(marker, entry_mark(kind, entry), made):
            DUE[kind, entry].append(cell)


def n_fits(kind, entry):
    "Diff-Cs that an entry still has to train; a probe is quick."
    return len(DUE[kind, entry]) * len(result_files(kind, entry, OUT)) if kind == "diffc" else 0


def n_trainings(name):
    "k-SAEs and Diff-Cs that wait for a store."
    readers = [e for e in entries() if any(name in pair for pair in PLAN[e[0]][e[1]]["runs"].items())]
    return len(DUE[name]) + sum(n_fits(*e) for e in readers)


# The cost of an answer: an entry names Diff-Cs as entry/run/layer-t<timestep>/level-pooling-s<seed>.
def inference_marker(entry):
    return OUT / "inference" / f"{entry}.done"


def inference_sources(entry):
    "The markers of the Diff-Cs that it reads."
    return [OUT / "diffc" / f"{name.rsplit('/', 1)[0]}.done" for name in PLAN["inference"][entry]["diffc"]]


for entry, plan in PLAN.get("inference", {}).items():
    keep_marker(inference_marker(entry), plan, [OUT / "inference" / entry / "results.json", *inference_sources(entry)])


# The command of every job: write its parameters, run the notebook with as many threads as the rule was given. The loop ends the
# notebook when Snakemake has been killed, so that a new start does not meet the old job at the same store.
JOB = (f"mkdir -p {OUT}/params && printf '%s\\n' {{params.json:q}} > {OUT}/params/{{params.name}}.json\n"
       f"{shlex.quote(sys.executable)} -m revelio.runner {HERE}/nbs/{{params.notebook}} {OUT}/notebooks/{{params.name}}.ipynb "
       f"--parameters {OUT}/params/{{params.name}}.json --threads {{threads}} & job=$!\n"
       "while kill -0 $job 2>/dev/null; do kill -0 $PPID 2>/dev/null || kill $job; sleep 0.2; done\n"
       "wait $job\n")
MARK = "for marker in {output:q}; do echo {params.mark} > \"$marker\"; done"


def named_cells(blocks):
    return [(b["run"], *c) for b in blocks for c in expand_cells([b])]


def ksae_parameters(**blocks):
    "The parameters of a notebook that reads k-SAE cells."
    return {"ksae_dir": str(OUT / "ksae")} | {
        key: [f"{run}/{cell_name(*cell)}" for run, *cell in named_cells(found)] for key, found in blocks.items()}


def figure_sources(figure):
    "The markers of all that a figure reads."
    markers = [cell_marker(*c) for c in named_cells(PLAN["figures"][figure].get("cells", []))]
    for name in PLAN["figures"][figure].get("results", []):  # probes/<entry>, diffc/<entry>, inference/<entry>
        kind, entry = name.split("/")
        markers += ([inference_marker(entry)] if kind == "inference" else
                    [result_marker(kind, entry, *c) for c in entry_cells(kind, entry)])
    return markers


def figure_parameters(figure):
    "A figure reads k-SAE cells, the results of stages, or both."
    plan = PLAN["figures"][figure]
    read = {"results": [str(OUT / name) for name in plan["results"]]} if "results" in plan else {}
    if "cells" in plan:
        read |= ksae_parameters(cells=plan["cells"])
    return {"preset": PRESET, "out_dir": str(FIGURES), **read, **plan.get("parameters", {})}


localrules: all, index


onerror:  # what failed where, as the runner wrote it down
    from revelio.runner import describe_failures, failures

    print(describe_failures(failures(OUT / "notebooks", BEGUN)), file=sys.stderr)


rule all:
    input:  # all that must be there: Snakemake does not miss an intermediate file when what follows from it exists
        FIGURES / "index.html",
        expand(str(FIGURES / "{figure}.{end}"), figure=PLAN["figures"], end=["png", "pdf", "csv", "json"]),
        [store_marker(name) for name in PLAN["runs"]],
        [cell_marker(name, *c) for name, run in PLAN["runs"].items() for c in expand_cells(run.get("cells", []))],
        [result_marker(*e, *c) for e in entries() for c in entry_cells(*e)],
        [inference_marker(entry) for entry in PLAN.get("inference", {})],


for name, run in PLAN["runs"].items():

    rule:
        name: f"extract_{name}"
        input:
            embedded(name),
            [store_marker(chooser_run(name))] if chooser_run(name) else [],
        output:
            store_marker(name),
        params:
            name=f"extract-{name}",
            notebook="stages/extract.ipynb",
            json=extract_json(name),
            mark=fingerprint(extract_settings(name)),
        threads: PLAN["threads"]["extract"]
        priority: n_trainings(name)  # long chains first: what is left at the end then fits beside each other
        resources:
            gpu=GPUS,
            mem_mb=MEMORY,
        shell:
            JOB + MARK

    if DUE[name]:

        rule:
            name: f"ksae_{name}"
            input:
                store_marker(name),
            output:
                [cell_marker(name, *c) for c in DUE[name]],
            params:
                name=f"ksae-{name}",
                notebook="stages/ksae.ipynb",
                json=json.dumps({"store": str(OUT / "stores" / name), "out_dir": str(OUT / "ksae" / name),
                                 "cells": DUE[name], **run["ksae"]}),
                mark=fingerprint([run["extract"], run["ksae"]]),
            threads: PLAN["threads"]["ksae"]
            priority: n_trainings(name)
            resources:
                gpu=GPUS,
                mem_mb=MEMORY,
            shell:
                JOB + MARK


for kind, entry in entries():
    if DUE[kind, entry]:

        rule:
            name: f"{kind}_{entry}"
            input:
                [store_marker(run) for pair in PLAN[kind][entry]["runs"].items() for run in pair if run],
            output:
                [result_marker(kind, entry, *c) for c in DUE[kind, entry]],
            params:
                name=f"{'probe' if kind == 'probes' else kind}-{entry}",
                notebook=f"stages/{'probe' if kind == 'probes' else kind}.ipynb",
                json=json.dumps({**stage_settings(kind, entry), "out_dir": str(OUT / kind / entry), "cells": [
                    [*(run and str(OUT / "stores" / run) for run in (c[0], PLAN[kind][entry]["runs"][c[0]])), *c[1:]]
                    for c in DUE[kind, entry]]}),
                mark=fingerprint(entry_mark(kind, entry)),
            threads: PLAN["threads"].get(kind, 1)
            priority: n_fits(kind, entry)
            resources:
                gpu=GPUS if kind == "diffc" else 0,
                mem_mb=MEMORY,
            shell:
                JOB + MARK


for entry, plan in PLAN.get("inference", {}).items():

    rule:
        name: f"inference_{entry}"
        input:
            inference_sources(entry),
        output:
            inference_marker(entry),
        params:
            name=f"inference-{entry}",
            notebook="stages/inference.ipynb",
            json=json.dumps({**plan, "out": str(OUT / "inference" / entry),
                             "diffc": [str(OUT / "diffc" / name) for name in plan["diffc"]]}),
            mark=fingerprint(plan),
        threads: PLAN["threads"]["extract"]
        priority: 1  # the end of a chain; nothing else that is long can follow
        resources:
            gpu=GPUS,
            mem_mb=MEMORY,
        shell:
            JOB + MARK


for figure in PLAN["figures"]:

    rule:
        name: f"figure_{figure}"
        input:
            HERE / f"nbs/figures/{figure}.ipynb",
            figure_sources(figure),
        output:
            multiext(str(FIGURES / figure), ".png", ".pdf", ".csv", ".json"),
        params:
            name=figure,
            notebook=f"figures/{figure}.ipynb",
            json=json.dumps(figure_parameters(figure)),
        resources:
            mem_mb=1500,
        shell:
            JOB


if "explorer" in PLAN:

    rule explorer:
        input:
            [cell_marker(*c) for c in named_cells(PLAN["explorer"]["cells"] + PLAN["explorer"].get("heatmaps", []))],
        output:
            FIGURES / "explorer/index.html",
        params:
            name="explorer",
            notebook="stages/explorer.ipynb",
            json=json.dumps({**PLAN["explorer"], **ksae_parameters(
                cells=PLAN["explorer"]["cells"], heatmaps=PLAN["explorer"].get("heatmaps", [])),
                "out": str(FIGURES / "explorer")}),
        threads: PLAN["threads"]["extract"]
        resources:
            gpu=GPUS,
            mem_mb=MEMORY,
        shell:
            JOB


rule index:
    input:
        expand(str(FIGURES / "{figure}.json"), figure=PLAN["figures"]),
        [FIGURES / "explorer/index.html"] if "explorer" in PLAN else [],
    output:
        FIGURES / "index.html",
    params:
        python=sys.executable,
        call=f"from revelio.plots import write_index; write_index({str(FIGURES)!r}, 'revelio: {PRESET}')",
    shell:
        "{params.python:q} -c {params.call:q}"
