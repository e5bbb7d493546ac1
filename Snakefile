# What is computed from what: one papermill run per job. `snakemake --cores 2 --config preset=mini`
#
#     extract (one job per run) -> ksae (one job per run) -------------------------> figures -> index
#                               -> probes, diffc (one job per entry) -> inference ->
#     splice, steering (one job per entry) ---------------------------------------->
#                                      ksae ---------------------------> explorer ->
#
# A kernel costs seconds, so a job takes many cells.
#
# Snakemake deletes the declared outputs of a job before it runs it, so rules declare small markers, never a store or a k-SAE
# folder: those resume. A marker holds a fingerprint of the settings it was made with. Before the graph is made, a marker is
# dropped when its folder is not whole or when the preset asks for other settings; the `ksae` job of a run then declares the
# dropped markers alone, and so do the `probes` and `diffc` jobs of an entry. So one deleted k-SAE or classifier redoes that
# cell and what hangs on it, and nothing else.
import json
import os
import shlex
import sys
import time
from pathlib import Path

from revelio.core import RevelioError, cell_name, fingerprint
from revelio.runs.presets import (
    ALONE,
    STAGES,
    chooser_run,
    count_gpus,
    entry_settings,
    ksae_settings,
    notebook_parameters,
    preset_path,
    read_preset,
    result_names,
    stage_settings,
    store_settings,
)

HERE = Path(workflow.basedir)
REHEARSE = bool(config.get("rehearse"))  # the same graph on a CPU, in minutes
try:
    PRESET_FILE = preset_path(config.get("preset", "mini"))
    PLAN = read_preset(PRESET_FILE, REHEARSE)
except RevelioError as error:
    sys.exit(str(error))
PRESET = PRESET_FILE.stem
OUT = Path(config.get("out", f"out/{PRESET}"))
FIGURES = Path(config.get("figures", f"paper_figures/{PRESET}"))
DATA = Path(os.environ.get("REVELIO_DATA", HERE / "data"))
MEMORY = PLAN["mem_mb"]  # of a job that runs a model, in MB
GPU = min(PLAN["gpus"], 1)  # of a job that runs a model
SLOTS = 0  # GPUs of this machine; a cluster gives its jobs their own
# local_exec is not known yet: only a cluster has a number of nodes (its queue, --jobs)
if GPU and workflow.is_main_process and workflow.resource_settings.nodes is None:
    SLOTS = min(PLAN["gpus"], int(config.get("gpus", count_gpus())))
    workflow.register_resource("gpu", max(SLOTS, 1))
BEGUN = time.time()
ENTRIES = [(kind, entry) for kind in ("probes", "diffc") for entry in PLAN[kind]]


def keep_marker(marker, settings, made, sources=()):
    "Drop a marker that does not stand for whole folders, made with these settings after their sources; say whether it stays."
    stays = (marker.exists() and marker.read_text().strip() == fingerprint(settings) and all(m.exists() for m in made)
             and all(s.stat().st_mtime <= marker.stat().st_mtime for s in sources))
    if not stays:
        marker.unlink(missing_ok=True)
    return stays


def store_folder(run):
    return OUT / "stores" / PLAN["runs"][run].get("store", run)  # its own, or another run's


def store_marker(run):
    return store_folder(run).with_suffix(".done")


def cell_folder(run, *cell):
    return OUT / "ksae" / run / cell_name(*cell)


def cell_marker(run, *cell):
    return OUT / "ksae" / run / f"{cell_name(*cell)}.done"


def result_marker(kind, entry, run, *cell):
    return OUT / kind / entry / run / f"{cell_name(*cell)}.done"


def alone_marker(kind, entry):
    return OUT / kind / f"{entry}.done"


def embedded(run):
    "The embedded weights and images that a run reads."
    return embedded_files(PLAN["runs"][run]["extract"])


def embedded_files(wanted):
    "The weights and images of a model and a data set that are on this machine, embedded or a user's own."
    model, files = DATA / "models" / wanted["model"], []
    if model.is_dir() and not (model / "model_index.json").exists():  # a variant: its base lies beside it
        model = DATA / "models"
    for embedded, own in ((model, wanted["model"]), (DATA / wanted["dataset"], wanted["dataset"])):
        is_own = Path(own).is_absolute() or not embedded.exists()
        part = Path(own).absolute() if is_own else embedded
        files += [part] if part.is_file() else [
            p for p in sorted(part.rglob("*")) if p.is_file() and not p.name.startswith(".")
            and (is_own or p.suffix in (".safetensors", ".parquet"))
            and not any(made in p.parents for made in (OUT.absolute(), FIGURES.absolute()))]
    return files


def test_runs(run):
    "The run whose images the concepts of a run are of, if it is another."
    return [test] if (test := PLAN["runs"][run].get("test")) else []


def entry_runs(kind, entry):
    return [run for pair in PLAN[kind][entry]["runs"].items() for run in pair if run]


def alone_sources(kind, entry):
    "The markers of the Diff-Cs that an entry reads: entry/run/layer-t<timestep>/level-pooling-s<seed>."
    return [OUT / "diffc" / f"{name.rsplit('/', 1)[0]}.done" for name in PLAN[kind][entry].get("diffc", [])]


DUE, WHOLE = {}, {}  # run or (kind, entry) -> the cells that are to be computed; run -> is its store whole
for name in PLAN["runs"]:
    chooser = chooser_run(PLAN, name)
    WHOLE[name] = keep_marker(store_marker(name), store_settings(PLAN, name), [
        store_folder(name) / "manifest.json", *([store_marker(chooser)] if chooser else [])], embedded(name))
for name, run in PLAN["runs"].items():
    DUE[name] = []
    for cell in run.get("cells", []):
        made = [cell_folder(name, *cell) / part for part in ("ksae/provenance.json", "concepts/manifest.json")]
        if not all(WHOLE[r] for r in (name, *test_runs(name))):
            cell_marker(name, *cell).unlink(missing_ok=True)
        if not keep_marker(cell_marker(name, *cell), ksae_settings(PLAN, name), made):
            DUE[name].append(cell)
for kind, entry in ENTRIES:
    DUE[kind, entry] = []
    for cell in PLAN[kind][entry]["cells"]:
        marker, folder = result_marker(kind, entry, *cell), OUT / kind / entry / cell[0] / cell_name(*cell[1:])
        made = [folder / name / "results.json" for name in result_names(kind, PLAN[kind][entry])]
        if not all(WHOLE[run] for run in (cell[0], PLAN[kind][entry]["runs"][cell[0]]) if run):
            marker.unlink(missing_ok=True)
        if not keep_marker(marker, entry_settings(PLAN, kind, entry), made):
            DUE[kind, entry].append(cell)
ALONE_ENTRIES = [(kind, entry) for kind in ALONE for entry in PLAN[kind]]
for kind, entry in ALONE_ENTRIES:
    keep_marker(alone_marker(kind, entry), PLAN[kind][entry], [OUT / kind / entry / "results.json", *alone_sources(kind, entry)])


def n_fits(kind, entry):
    "Diff-Cs that an entry still has to train; a probe is quick."
    return len(DUE[kind, entry]) * len(result_names(kind, PLAN[kind][entry])) if kind == "diffc" else 0


def n_trainings(name):
    "k-SAEs and Diff-Cs that wait for a store."
    return (sum(len(DUE[run]) for run in PLAN["runs"]
                if store_folder(name) in map(store_folder, (run, *test_runs(run))))
            + sum(n_fits(*e) for e in ENTRIES if name in entry_runs(*e)))


# The command of every job: write its parameters, run the notebook with as many threads as the rule was given. The loop ends the
# notebook when Snakemake has been killed, so that a new start does not meet the old job at the same store.
def quoted(path):
    "A path for the shell, whatever letters it has; Snakemake reads braces."
    return shlex.quote(str(path)).replace("{", "{{").replace("}", "}}")


def job(slots=""):
    parameters = f"{quoted(OUT / 'params')}/{{params.name}}.json"
    return (f"mkdir -p {quoted(OUT / 'params')} && printf '%s\\n' {{params.json:q}} > {parameters}\n"
            f"{quoted(sys.executable)} -m revelio.runs.warm {quoted(HERE / 'nbs')}/{{params.notebook}} "
            f"{quoted(OUT / 'notebooks')}/{{params.name}}.ipynb --parameters {parameters} --threads {{threads}}"
            f"{{params.limit}}{slots} & job=$!\n"
            "while kill -0 $job 2>/dev/null; do kill -0 $PPID 2>/dev/null || kill $job; sleep 0.2; done\n"
            "wait $job\n")


def limit(stage):
    "The option that ends a cell which takes longer than the preset allows its stage."
    return f" --timeout {PLAN['timeout'][stage]}" if stage in PLAN["timeout"] else ""


JOB, GPU_JOB = job(), job(f" --gpu-slots {quoted(OUT / 'gpus')} {SLOTS}" if SLOTS else "")
MARK = "for marker in {output:q}; do echo {params.mark} > \"$marker\"; done"


def stage_json(stage, parameters):
    "The parameters of a stage; where a preset names models of the hub, a lock file beside it holds their revisions."
    hub = any(not (DATA / "models" / run["extract"]["model"]).is_dir() for run in PLAN["runs"].values())
    if hub and "lock" in notebook_parameters(f"stages/{stage}"):  # a rehearsal has revisions of its own
        parameters |= {"lock": str(OUT / "rehearsal.lock.json" if REHEARSE else PRESET_FILE.with_suffix(".lock.json"))}
    return json.dumps(parameters)


def store_json(run):
    made = {**PLAN["runs"][run]["extract"], "out": str(store_folder(run))}
    made |= {} if GPU else {"latents": str(OUT / "latents")}  # on a GPU a VAE costs little, and the disk is not counted
    return stage_json("extract", made | (
        {"chooser": str(OUT / "stores" / made["chooser"])} if chooser_run(PLAN, run) else {}))


def ksae_json(run):
    return json.dumps({**PLAN["runs"][run]["ksae"], "store": str(store_folder(run)), "cells": DUE[run], "test_store": "".join(
        str(store_folder(test)) for test in test_runs(run)), "out_dir": str(OUT / "ksae" / run)})


def entry_json(kind, entry):
    plan = PLAN[kind][entry]
    cells = [[*(run and str(store_folder(run)) for run in (c[0], plan["runs"][c[0]])), *c[1:]] for c in DUE[kind, entry]]
    return stage_json(STAGES[kind], {**stage_settings(PLAN, kind, entry), "out_dir": str(OUT / kind / entry), "cells": cells})


def alone_json(kind, entry):
    plan = PLAN[kind][entry]
    read = {"diffc": [str(OUT / "diffc" / name) for name in plan["diffc"]]} if "diffc" in plan else {}
    return stage_json(STAGES[kind], {**plan, "out": str(OUT / kind / entry), **read})


def ksae_parameters(**found):
    "The parameters of a notebook that reads k-SAE cells."
    return {"ksae_dir": str(OUT / "ksae")} | {
        key: [f"{run}/{cell_name(*cell)}" for run, *cell in cells] for key, cells in found.items()}


def figure_sources(figure):
    "The markers of all that a figure reads."
    markers = [cell_marker(*c) for c in PLAN["figures"][figure].get("cells", [])]
    for name in PLAN["figures"][figure].get("results", []):  # probes/<entry>, diffc/<entry>, or of ALONE
        kind, entry = name.split("/")
        markers += ([alone_marker(kind, entry)] if kind in ALONE else
                    [result_marker(kind, entry, *c) for c in PLAN[kind][entry]["cells"]])
    return markers


def figure_parameters(figure):
    "A figure reads k-SAE cells, the results of stages, or both."
    plan = PLAN["figures"][figure]
    read = {"results": [str(OUT / name) for name in plan["results"]]} if "results" in plan else {}
    if "cells" in plan:
        read |= ksae_parameters(cells=plan["cells"])
    return {"preset": PRESET, "out_dir": str(FIGURES), **read, **plan.get("parameters", {})}


localrules: all, index


onstart:  # jobs of this machine are copies of one process that has imported what they import; it ends with this one
    if workflow.local_exec and hasattr(os, "fork"):
        from revelio.runs.warm import start_server

        start_server()


onerror:  # what failed where, as the runner wrote it down
    from revelio.runs.runner import describe_failures, failures

    print(describe_failures(failures(OUT / "notebooks", BEGUN)), file=sys.stderr)


rule all:
    input:  # all that must be there: Snakemake does not miss an intermediate file when what follows from it exists
        FIGURES / "index.html",
        expand(str(FIGURES / "{figure}.{end}"), figure=PLAN["figures"], end=["png", "pdf", "csv", "json"]),
        [store_marker(name) for name in PLAN["runs"]],
        [cell_marker(name, *c) for name, run in PLAN["runs"].items() for c in run.get("cells", [])],
        [result_marker(*e, *c) for e in ENTRIES for c in PLAN[e[0]][e[1]]["cells"]],
        [alone_marker(*e) for e in ALONE_ENTRIES],


for name, run in PLAN["runs"].items():
    if "store" not in run:

        rule:
            name: f"extract_{name}"
            input:
                embedded(name),
                [store_marker(chooser_run(PLAN, name))] if chooser_run(PLAN, name) else [],
            output:
                store_marker(name),
            params:
                name=f"extract-{name}",
                notebook="stages/extract.ipynb", limit=limit("extract"),
                json=store_json(name),
                mark=fingerprint(store_settings(PLAN, name)),
            threads: PLAN["threads"].get("extract", 1)
            priority: n_trainings(name)  # long chains first: what is left at the end then fits beside each other
            resources:
                gpu=GPU,
                mem_mb=MEMORY,
            shell:
                GPU_JOB + MARK

    if DUE[name]:

        rule:
            name: f"ksae_{name}"
            input:
                [store_marker(r) for r in (name, *test_runs(name))],
            output:
                [cell_marker(name, *c) for c in DUE[name]],
            params:
                name=f"ksae-{name}",
                notebook="stages/ksae.ipynb", limit=limit("ksae"),
                json=ksae_json(name),
                mark=fingerprint(ksae_settings(PLAN, name)),
            threads: PLAN["threads"].get("ksae", 1)
            priority: n_trainings(name)
            resources:
                gpu=GPU,
                mem_mb=MEMORY,
            shell:
                GPU_JOB + MARK


for kind, entry in ENTRIES:
    if DUE[kind, entry]:

        rule:
            name: f"{kind}_{entry}"
            input:
                [store_marker(run) for run in entry_runs(kind, entry)],
            output:
                [result_marker(kind, entry, *c) for c in DUE[kind, entry]],
            params:
                name=f"{STAGES[kind]}-{entry}",
                notebook=f"stages/{STAGES[kind]}.ipynb", limit=limit(kind),
                json=entry_json(kind, entry),
                mark=fingerprint(entry_settings(PLAN, kind, entry)),
            threads: PLAN["threads"].get(kind, 1)
            priority: n_fits(kind, entry) + len(DUE[kind, entry])
            resources:
                gpu=GPU if kind == "diffc" else 0,
                mem_mb=MEMORY,
            shell:
                (GPU_JOB if kind == "diffc" else JOB) + MARK


for kind, entry in ALONE_ENTRIES:

    rule:
        name: f"{kind}_{entry}"
        input:
            alone_sources(kind, entry),
            [] if kind == "inference" else embedded_files(PLAN[kind][entry]),
        output:
            alone_marker(kind, entry),
        params:
            name=f"{STAGES[kind]}-{entry}",
            notebook=f"stages/{STAGES[kind]}.ipynb", limit=limit(kind),
            json=alone_json(kind, entry),
            mark=fingerprint(PLAN[kind][entry]),
        threads: PLAN["threads"].get("extract", 1)
        priority: 0 if kind == "inference" else 100  # they wait for nothing, and give the first pictures
        resources:
            gpu=GPU,
            mem_mb=MEMORY,
        shell:
            GPU_JOB + MARK


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
            notebook=f"figures/{figure}.ipynb", limit=limit("figures"),
            json=json.dumps(figure_parameters(figure)),
        priority: 1000  # seconds, and something to look at
        resources:
            mem_mb=1500,
        shell:
            JOB


if "explorer" in PLAN:

    rule explorer:
        input:
            [cell_marker(*c) for c in dict.fromkeys(PLAN["explorer"]["cells"] + PLAN["explorer"]["heatmaps"])],
            [alone_marker("steering", entry) for entry in PLAN["explorer"]["steering"]],
        output:
            FIGURES / "explorer/index.html",
        params:
            name="explorer",
            notebook="stages/explorer.ipynb", limit=limit("explorer"),
            json=json.dumps({**{k: v for k, v in PLAN["explorer"].items() if k != "steering"}, "out": str(FIGURES / "explorer"), "folders": [
                str(OUT / "steering" / entry) for entry in PLAN["explorer"]["steering"]], **ksae_parameters(
                cells=PLAN["explorer"]["cells"], heatmaps=PLAN["explorer"]["heatmaps"])}),
        threads: PLAN["threads"].get("extract", 1)
        resources:
            gpu=GPU,
            mem_mb=MEMORY,
        shell:
            GPU_JOB


rule index:
    input:
        expand(str(FIGURES / "{figure}.json"), figure=PLAN["figures"]),
        [FIGURES / "explorer/index.html"] if "explorer" in PLAN else [],
    output:
        FIGURES / "index.html",
    params:
        python=sys.executable,
        call=f"from revelio.report.saving import write_index; "
             f"write_index({str(FIGURES)!r}, 'revelio: {PRESET}', {list(PLAN['figures'])})",
    shell:
        "{params.python:q} -c {params.call:q}"
