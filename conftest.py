"The longest test modules run first, so that two processes end together."

LONGEST = ["test_pipeline.py", "test_cluster.py", "test_cli.py", "test_explorer_browser.py", "test_paper.py",
           "test_features_sweep.py", "test_hostile.py", "test_runs_rehearsal.py", "test_runs_doctor.py", "test_runs_runner.py"]


def pytest_collection_modifyitems(items):
    "Sort modules; the order within one stays."
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
