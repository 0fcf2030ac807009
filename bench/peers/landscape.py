"""The loss of n erf students against k orthonormal teachers in numpy, for all seeds at once, and its gradient flow by RODAS.

What the census does, written by hand over a batch: the gradient and the Hessian in closed form, a step length for each seed, until
max |gradient| < 1e-8. Hairer and Wanner, "Solving Ordinary Differential Equations II", RODAS.
"""

import numpy as np

A = [[], [1.544], [0.9466785280815826, 0.2557011698983284], [3.314825187068521, 2.896124015972201, 0.9986419139977817],
     [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895]]
A.append(A[4] + [1.0])
C = [[], [-5.6688], [-2.430093356833875, -0.2063599157091915],
     [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
     [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160],
     [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054]]


class Landscape:
    """n erf students against k orthonormal teachers in d dimensions, for all seeds at once."""

    def __init__(self, n, k, d):
        self.n, self.k, self.d = n, k, d
        self.v = np.eye(k, d)

    def pairs(self, w):
        x = np.concatenate([w, np.broadcast_to(self.v, (len(w), self.k, self.d))], axis=1)
        c = w @ np.swapaxes(x, 1, 2)
        q1 = np.einsum("sid,sid->si", w, w)[:, :, None]
        q2 = np.einsum("sjd,sjd->sj", x, x)[:, None, :]
        root = 1 / np.sqrt(1 + q1 + q2 + q1 * q2 - c * c)
        return x, c, q1, q2, root

    def weights(self, a):
        return np.concatenate([a, -np.ones((len(a), self.k))], axis=1)

    def split(self, y):
        return y[:, : self.n * self.d].reshape(-1, self.n, self.d), y[:, self.n * self.d :]

    def forces(self, w, a):
        x, c, q1, q2, root = self.pairs(w)
        s = self.weights(a)[:, None, :]
        value, dc, d1 = 2 / np.pi * np.arctan(c * root), 2 / np.pi * root, -c * root / (1 + q1) / np.pi
        force = (dc * s) @ x + 2 * np.sum(d1 * s, axis=2)[:, :, None] * w
        return x, c, q1, q2, root, s, value, dc, d1, force

    def gradient(self, y):
        w, a = self.split(y)
        *_, s, value, _, _, force = self.forces(w, a)
        return np.concatenate([(2 * a[:, :, None] * force).reshape(len(y), -1), 2 * np.sum(value * s, axis=2)], axis=1)

    def loss(self, y):
        w, a = self.split(y)
        *_, value, _, _, _ = self.forces(w, a)
        n = self.n
        own = np.einsum("si,sij,sj->s", a, value[:, :, :n], a)
        return own - 2 * np.einsum("si,sij->s", a, value[:, :, n:]) + self.k / 3

    def hessian(self, y):
        n, d = self.n, self.d
        w, a = self.split(y)
        x, c, q1, q2, root, s, value, dc, d1, force = self.forces(w, a)
        cube = root**3
        dcc, d1c, d2c = 2 / np.pi * c * cube, -(1 + q2) * cube / np.pi, -(1 + q1) * cube / np.pi
        d11 = 2 / np.pi * (c * root / (2 * (1 + q1) ** 2) + c * (1 + q2) * cube / (4 * (1 + q1)))
        out = np.zeros((len(y), n * (d + 1), n * (d + 1)))
        eye = np.eye(d)
        for i in range(n):
            rows = slice(i * d, (i + 1) * d)
            wi = w[:, i]
            mixed = np.einsum("sj,sjd->sd", 2 * d1c[:, i] * s[:, 0], x)
            own = 2 * np.sum(d1[:, i] * s[:, 0], axis=1)[:, None, None] * eye
            own = own + 4 * np.sum(d11[:, i] * s[:, 0], axis=1)[:, None, None] * wi[:, :, None] * wi[:, None, :]
            own = own + wi[:, :, None] * mixed[:, None, :] + mixed[:, :, None] * wi[:, None, :]
            own = own + np.swapaxes(x, 1, 2) @ ((dcc[:, i] * s[:, 0])[:, :, None] * x)
            out[:, rows, rows] += 2 * a[:, i, None, None] * own
            for j in range(n):
                wj = w[:, j]
                pick = lambda table: table[:, i, j, None, None]  # noqa: E731
                block = pick(dc) * eye + pick(dcc) * (wi[:, :, None] * wj[:, None, :] + wj[:, :, None] * wi[:, None, :])
                block = block + 2 * pick(d1c) * wi[:, :, None] * wi[:, None, :] + 2 * pick(d2c) * wj[:, :, None] * wj[:, None, :]
                out[:, rows, j * d : (j + 1) * d] += 2 * (a[:, i] * a[:, j])[:, None, None] * block
                slope = 2 * d1[:, i, j, None] * wi + dc[:, i, j, None] * wj
                out[:, rows, n * d + j] += 2 * a[:, i, None] * slope + (2 * force[:, i] if i == j else 0)
        out[:, n * d :, : n * d] = np.swapaxes(out[:, : n * d, n * d :], 1, 2)
        out[:, n * d :, n * d :] = 2 * value[:, :, :n]
        return out


def settle(problem, y, rtol=1e-5, atol=1e-7, tolerance=1e-8):
    """Flows every row of y to its end; returns the rows."""
    h, active = np.full(len(y), 1e-2), np.arange(len(y))
    eye = np.eye(y.shape[1])
    while len(active):
        z = y[active]
        g = problem.gradient(z)
        rest = np.abs(g).max(axis=1) >= tolerance
        active, z, g = active[rest], z[rest], g[rest]
        if not len(active):
            break
        step = h[active]
        shifted = problem.hessian(z) + (4 / step)[:, None, None] * eye
        definite = np.linalg.eigvalsh(shifted)[:, 0] > 0
        inverse = np.linalg.inv(shifted)
        stages = []
        for i in range(6):
            at = z + sum(A[i][j] * stages[j] for j in range(i))
            right = (-g if i == 0 else -problem.gradient(at)) + sum(C[i][j] * stages[j] for j in range(i)) / step[:, None]
            stages.append(np.einsum("spq,sq->sp", inverse, right))
        new = at + stages[5]
        error = np.max(np.abs(stages[5]) / (atol + rtol * np.maximum(np.abs(z), np.abs(new))), axis=1)
        accepted = definite & (error <= 1)
        y[active[accepted]] = new[accepted]
        h[active] = step * np.where(definite, np.clip(0.9 * np.maximum(error, 1e-12) ** -0.25, 0.2, 6), 0.2)
    return y
