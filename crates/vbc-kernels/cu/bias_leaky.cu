// Bias and leaky ReLU over the result of a matrix product.
#include "vbc.cuh"

// Multiplies negative values by `slope`, then clamps to -max..=max. NaN stays NaN.
VBC_DEVICE float leaky(float v, float slope, float max) {
    v = v > 0.0f ? v : slope * v;
    v = v < -max ? -max : v;
    return v > max ? max : v;
}

// y = leaky(x + bias).
//
// Layout: x and y (n, o), bias (o), row-major. Grid: one thread an element of y.
VBC_GLOBAL void bias_leaky_forward(const float* __restrict__ x, const float* __restrict__ bias,
                                   float* __restrict__ y, unsigned n, unsigned o, float slope,
                                   float max) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n * o) {
            y[i] = leaky(x[i] + bias[i % o], slope, max);
        }
    }
}

// The gradient before the activation, from the output y and the gradient of y; and its sums over
// the rows of each tile, added up from the first row to the last.
//
// Layout: y and grad (n, o); dx (n + 1, o), of which the first n rows are written; part (tiles, o)
// for tiles of `tile` rows, the last one shorter. Grid: one thread a column of a tile, neighbouring
// threads on neighbouring columns.
VBC_GLOBAL void bias_leaky_backward(const float* __restrict__ y, const float* __restrict__ grad,
                                    float* __restrict__ dx, float* __restrict__ part, unsigned n,
                                    unsigned o, unsigned tile, float slope, float max) {
    unsigned tiles = (n + tile - 1) / tile;
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, tiles * o) {
            unsigned column = i % o;
            unsigned from = i / o * tile;
            unsigned to = from + tile < n ? from + tile : n;
            float sum = 0.0f;
            for (unsigned row = from; row < to; ++row) {
                float v = y[row * o + column];
                float inside = fabsf(v) < max ? grad[row * o + column] : 0.0f;
                float g = v > 0.0f ? inside : slope * inside;
                dx[row * o + column] = g;
                sum += g;
            }
            part[i] = sum;
        }
    }
}

// The bias's gradient: the sums of all tiles, added up in double precision from the first tile to
// the last.
//
// Layout: part (tiles, o); dx (n + 1, o), of which the last row is written. Grid: one thread a
// column.
VBC_GLOBAL void bias_leaky_total(const float* __restrict__ part, float* __restrict__ dx, unsigned n,
                                 unsigned o, unsigned tiles) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(column, o) {
            double sum = 0.0;
            for (unsigned t = 0; t < tiles; ++t) {
                sum += (double)part[t * o + column];
            }
            dx[n * o + column] = (float)sum;
        }
    }
}
