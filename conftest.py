"The longest test modules run first, so that two processes end together; what they import is not looked through again."
import gc

gc.disable()  # until all modules are imported

LONGEST = ["test_pipeline.py", "test_cluster.py", "test_paper.py", "test_cli.py", "test_features_sweep.py",
           "test_explorer_browser.py", "test_runs_rehearsal.py", "test_hostile.py", "test_paths.py",
           "test_runs_doctor.py", "test_trainings.py", "test_runs_runner.py", "test_published.py"]


def pytest_collection_modifyitems(items):
    "Sort modules; the order within one stays."
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish():
    "Leave torch, diffusers and the like out of every later search for garbage."
    gc.freeze()
    gc.enable()
