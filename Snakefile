# What is computed from what: one papermill run per job. `snakemake --cores 2 --config preset=mini`
#
#     extract (one job per run) -> ksae (one job per run: a kernel costs seconds, so it takes many cells) -> figures -> index
#
# Snakemake deletes the declared outputs of a job before it runs it, so rules declare small markers, never a store or a k-SAE
# folder: those resume. A marker holds a fingerprint of the settings it was made with. Before the graph is made, a marker is
# dropped when its folder is not whole or when the preset asks for other settings; the `ksae` job of a run then declares the
# dropped markers alone. So one deleted k-SAE redoes that cell and what hangs on it, and nothing else.
import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

import yaml

HERE = Path(workflow.basedir)
PRESET = config.get("preset", "mini")
OUT = Path(config.get("out", f"out/{PRESET}"))
FIGURES = Path(config.get("figures", f"paper_figures/{PRESET}"))
PLAN = yaml.safe_load((HERE / "presets" / f"{PRESET}.yaml").read_text())
DATA = Path(os.environ.get("REVELIO_DATA", HERE / "data"))
GPUS = PLAN.get("gpus", 0)


def cells(blocks):
    "Expand blocks of layers x timesteps to (layer, timestep), each once, in the order given."
    return list(dict.fromkeys((layer, t) for b in blocks for layer in b["layers"] for t in b["timesteps"]))


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


def cell_folder(run, layer, timestep):
    return OUT / "ksae" / run / f"{layer}-t{timestep}"


def cell_marker(run, layer, timestep):
    return OUT / "ksae" / run / f"{layer}-t{timestep}.done"


def embedded(run):
    "The embedded weights and images that a run reads."
    wanted = PLAN["runs"][run]["extract"]
    return [p for part in (f"models/{wanted['model']}", wanted["dataset"]) for p in sorted((DATA / part).rglob("*"))
            if p.suffix in (".safetensors", ".parquet")]


for run in PLAN["runs"].values():
    run["extract"] = {"limit": None, **run["extract"]}  # the notebook's own default is a small rehearsal

DUE = {}  # run -> the cells that are to be computed
for name, run in PLAN["runs"].items():
    whole = keep_marker(store_marker(name), run["extract"], [OUT / "stores" / name / "manifest.json"], embedded(name))
    DUE[name] = []
    for cell in cells(run["cells"]):
        made = [cell_folder(name, *cell) / part for part in ("ksae/provenance.json", "concepts/manifest.json")]
        if not whole:
            cell_marker(name, *cell).unlink(missing_ok=True)
        if not keep_marker(cell_marker(name, *cell), [run["extract"], run["ksae"]], made):
            DUE[name].append(cell)


# The command of every job: write its parameters, run the notebook with as many threads as the rule was given. The loop ends the
# notebook when Snakemake has been killed, so that a new start does not meet the old job at the same store.
JOB = (f"mkdir -p {OUT}/params && printf '%s\\n' {{params.json:q}} > {OUT}/params/{{params.name}}.json\n"
       f"{shlex.quote(sys.executable)} -m revelio.runner {HERE}/nbs/{{params.notebook}} {OUT}/notebooks/{{params.name}}.ipynb "
       f"--parameters {OUT}/params/{{params.name}}.json --threads {{threads}} & job=$!\n"
       "while kill -0 $job 2>/dev/null; do kill -0 $PPID 2>/dev/null || kill $job; sleep 0.5; done\n"
       "wait $job\n")
MARK = "for marker in {output:q}; do echo {params.mark} > \"$marker\"; done"


def figure_cells(figure):
    return [(b["run"], *c) for b in PLAN["figures"][figure]["cells"] for c in cells([b])]


def figure_parameters(figure):
    names = [f"{run}/{layer}-t{t}" for run, layer, t in figure_cells(figure)]
    return {"preset": PRESET, "ksae_dir": str(OUT / "ksae"), "cells": names, "out_dir": str(FIGURES),
            **PLAN["figures"][figure].get("parameters", {})}


localrules: all, index


rule all:
    input:  # all that must be there: Snakemake does not miss an intermediate file when what follows from it exists
        FIGURES / "index.html",
        expand(str(FIGURES / "{figure}.{end}"), figure=PLAN["figures"], end=["png", "pdf", "csv", "json"]),
        [store_marker(name) for name in PLAN["runs"]],
        [cell_marker(name, *c) for name, run in PLAN["runs"].items() for c in cells(run["cells"])],


for name, run in PLAN["runs"].items():

    rule:
        name: f"extract_{name}"
        input:
            embedded(name),
        output:
            store_marker(name),
        params:
            name=f"extract-{name}",
            notebook="stages/extract.ipynb",
            json=json.dumps({**run["extract"], "out": str(OUT / "stores" / name)}),
            mark=fingerprint(run["extract"]),
        threads: PLAN["threads"]["extract"]
        resources:
            gpu=GPUS,
            mem_mb=3000,
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
            resources:
                gpu=GPUS,
                mem_mb=3000,
            shell:
                JOB + MARK


for figure in PLAN["figures"]:

    rule:
        name: f"figure_{figure}"
        input:
            HERE / f"nbs/figures/{figure}.ipynb",
            [cell_marker(*c) for c in figure_cells(figure)],
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


rule index:
    input:
        expand(str(FIGURES / "{figure}.json"), figure=PLAN["figures"]),
    output:
        FIGURES / "index.html",
    params:
        python=sys.executable,
        call=f"from revelio.plots import write_index; write_index({str(FIGURES)!r}, 'revelio: {PRESET}')",
    shell:
        "{params.python:q} -c {params.call:q}"
