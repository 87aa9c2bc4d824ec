"""The modules of the sandbox import each other in one direction only."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph("catflap", cache_dir=None)  # imports for type checking alone count too
    ours = [module for module in graph.modules if module.startswith("google_sandbox.")]
    modules = {module: graph.find_modules_directly_imported_by(module) for module in ours}
    assert len(modules) > 80
    TopologicalSorter(modules).prepare()  # raises CycleError, which names the modules
