"""The modules of the sandbox import each other in one direction only."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph("google_sandbox", cache_dir=None)  # imports for type checking alone count too
    inside = graph.modules - {"google_sandbox"}  # which names its modules, but loads them when they are used
    modules = {module: graph.find_modules_directly_imported_by(module) & inside for module in inside}
    assert len(modules) > 80
    TopologicalSorter(modules).prepare()  # raises CycleError, which names the modules
