"""Times training steps of the paper's network in JAX: the peer of vbc-train's example step_time.

step_time.py WIDTH STEPS THREADS prints a JSON object.
"""

import json
import os
import sys
import time

width, steps, threads = (int(v) for v in sys.argv[1:4])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
os.environ["XLA_FLAGS"] = (
    f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} "
    f"intra_op_parallelism_threads={threads}"
)

import jax
import jax.numpy as jnp
import numpy as np

BATCH, D, C, COUPLINGS, LAYERS, SLOPE, RATE = 128, 784, 8, 4, 12, 0.1, 1e-4
rng = np.random.default_rng(1)


def mlp():
    widths = [D // 2] + [width] * (LAYERS - 1) + [D // 2]
    return [
        (
            jnp.asarray(rng.uniform(-1, 1, (i, o)) / i**0.5, jnp.float32),
            jnp.asarray(rng.uniform(-1, 1, o) / i**0.5, jnp.float32),
        )
        for i, o in zip(widths, widths[1:])
    ]


params = {"couplings": [mlp() for _ in range(COUPLINGS)], "scale": jnp.zeros(D)}


def forward(layers, x):
    for k, (w, b) in enumerate(layers):
        x = x @ w + b
        if k + 1 < len(layers):
            x = jnp.where(x > 0, x, SLOPE * x)
    return x


def loss(params, x):
    halves = list(jnp.moveaxis(x.reshape(-1, D // 2, 2), 2, 0))
    for k, layers in enumerate(params["couplings"]):
        halves[1 - k % 2] = halves[1 - k % 2] + forward(layers, halves[k % 2])
    y = jnp.stack(halves, 2).reshape(-1, D) * (jnp.exp(params["scale"]) + 1e-5)
    size = jnp.abs(y)
    likelihood = -(size + 2 * jnp.log1p(jnp.exp(-size))).sum(1).mean() + params["scale"].sum()
    variance = y.reshape(-1, D // C, C).var(2, ddof=1).sum(1).mean()
    return variance - likelihood


def step(state, x):
    params, m, v, t = state
    grads = jax.grad(loss)(params, x)
    t = t + 1
    tree = jax.tree_util.tree_map
    m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    rate, root = RATE / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)
    params = tree(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + 1e-8), params, m, v)
    return params, m, v, t


m, v = (jax.tree_util.tree_map(jnp.zeros_like, params) for _ in range(2))
state = (params, m, v, jnp.float32(0))
x = jnp.asarray(rng.uniform(-0.5, 0.5, (BATCH, D)), jnp.float32)
run = jax.jit(step, donate_argnums=0)
times = []
for _ in range(steps + 2):
    begun = time.perf_counter()
    state = jax.block_until_ready(run(state, x))
    times.append(time.perf_counter() - begun)
times = sorted(times[2:])
weights = sum(w.size for layers in state[0]["couplings"] for w, _ in layers)
gflop = 6 * BATCH * weights / 1e9
print(
    json.dumps(
        {
            "width": width,
            "threads": threads,
            "gflop_a_step": gflop,
            "seconds_least": times[0],
            "seconds_median": times[len(times) // 2],
            "gflop_a_second": gflop / times[0],
            "jax": jax.__version__,
        }
    )
)
