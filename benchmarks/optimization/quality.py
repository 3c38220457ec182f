"""How good the circuits' distributions and answers are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agents.optimizer.allocation import PortfolioSolver
from agents.optimizer.clusters import ClusterSolver
from agents.optimizer.encoding import encode
from agents.optimizer.exact import ExactSolver
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.training import Training
from agents.optimizer.variational import VariationalSolver, train_layers
from benchmarks.measuring.figures import SHORT, figure
from benchmarks.optimization.answers import gain, honest, ratio, solve
from benchmarks.optimization.problems import STOCKS, stocks
from benchmarks.optimization.uniform import UniformSolver


def sixteen_stocks() -> None:
    """The XY mixer at p = 8: expectation, then CVaR; and with the assets in data order."""
    assets = 10 if SHORT else 16
    how = f"XY ring mixer, p = 8, n = {assets}, B = n/2, {STOCKS}"
    mean = solve(stocks(assets), layers=8, cvar_alpha=1.0)
    tail = solve(stocks(assets), layers=8, cvar_alpha=0.1)
    reach = (None, None, None) if SHORT else (0.88, 250.0, 1200.0)
    calls = f"{mean.gradients} gradients, {mean.wall_s:.3g} s cold"
    figure("xy_approximation_ratio", ratio(mean), "r", reach[0], f"{how}; {calls}")
    figure("xy_gain_over_uniform", gain(mean), "times", reach[1], how)
    calls = f"alpha 0.1; {tail.gradients} gradients, {tail.wall_s:.3g} s cold"
    figure("xy_cvar_gain_over_uniform", gain(tail), "times", reach[2], f"{how}, {calls}")
    how = f"{how}; assets around the ring as the data has them"
    for alpha, name in ((1.0, "xy"), (0.1, "xy_cvar")):
        found_ratio, found_gain = in_data_order(assets, alpha)
        figure(f"{name}_approximation_ratio_in_data_order", found_ratio, "r", None, how)
        figure(f"{name}_gain_over_uniform_in_data_order", found_gain, "times", None, how)


def in_data_order(assets: int, alpha: float) -> tuple[float, float]:
    """Approximation ratio and gain at p = 8 with the assets around the ring in data order."""
    encoding = encode(stocks(assets), "qaoa-xy")
    back = np.argsort(encoding.placement)
    form = encoding.form
    encoding = replace(
        encoding,
        placement=np.arange(assets),
        form=replace(form, quadratic=form.quadratic[back][:, back], linear=form.linear[back]),
    )
    costs = encoding.costs(encoding.states())
    simulator = encoding.simulator(8, encoding.states(), costs)
    training = Training(simulator, costs, Stopwatch())
    train_layers(training, costs, None, VariationalSettings(layers=8, cvar_alpha=alpha))
    probabilities = simulator.probabilities(training.angles)
    mean = float(probabilities @ costs)
    chance = float(probabilities[int(costs.argmin())])
    return float((costs.max() - mean) / np.ptp(costs)), chance * costs.shape[0]


def twenty_stocks() -> None:
    """End to end on every stock, whole and in clusters, against the certificate; and the same
    from as many uniform shots, without which a gap of 0 cannot be read."""
    for layers in (3,) if SHORT else (3, 8):
        settings = VariationalSettings(layers=layers)
        whole = VariationalSolver("qaoa-xy", settings, ExactSolver())
        inner = VariationalSolver("qaoa-xy", replace(settings, polish=False), ExactSolver())
        blocks = ClusterSolver(inner, ExactSolver(), most_assets=8)
        tell_gap(f"whole_p{layers}", whole, f"XY p = {layers}")
        tell_gap(f"clusters_p{layers}", blocks, f"XY p = {layers}")
    even = VariationalSettings()
    how = f"control: {even.shots} uniform shots a circuit"
    tell_gap("whole_uniform", UniformSolver(even), how)
    plain = UniformSolver(replace(even, polish=False))
    tell_gap("clusters_uniform", ClusterSolver(plain, ExactSolver(), most_assets=8), how)


def tell_gap(name: str, solver: PortfolioSolver, how: str) -> None:
    """The gap of one answer to the certificate, after and before polish, and the relaxation's."""
    answer = solver.solve(stocks(20), Stopwatch())
    honesty = honest(answer)
    size = abs(honesty.classical_objective)
    how = (
        f"{how}, {answer.gradients} gradients, {answer.wall_s:.3g} s; certified by "
        f"{honesty.classical_method} in {1e3 * honesty.classical_wall_s:.3g} ms"
    )
    name = f"gap_20_stocks_{name}"
    reach = None if "uniform" in name else 0.0
    figure(name, honesty.gap / size, "of |f|", reach, how, at_most=True)
    figure(f"{name}_before_polish", honesty.gap_before_polish / size, "of |f|", None, how)
    if honesty.gap_of_relaxation is not None:
        rounded = honesty.gap_of_relaxation / size
        figure(f"{name}_of_relaxation", rounded, "of |f|", None, f"{how}; rounded, no circuit")
