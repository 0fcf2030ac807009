"""Starling trains and studies models as flows of interacting particles.

`starling.run` runs a spec, `starling.sweep` one over values of its keys; `starling.drift` has the drifting fields and their observables; `starling.students` the exact
losses of small networks that fit larger ones; `starling.muon` Muon's maps and the flow behind them, `starling.optim` the optimisers;
`starling.depth` attention networks over depth and their limit;
`starling.pinn` networks in differential equations written as text, reference solutions and bounds;
`starling.metrics` compares two clouds of points. `starling.vector_target` names the vector instructions that its kernels found here.
"""

from . import depth, drift, metrics, muon, optim, pinn, students
from ._core import __version__, vector_target
from ._run import Claim, Metric, Run, run, sweep

__all__ = ["Claim", "Metric", "Run", "__version__", "depth", "drift", "metrics", "muon", "optim", "pinn", "run", "students", "sweep", "vector_target"]
