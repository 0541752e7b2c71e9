// The additive coupling: part b of each row, moved by what a network made of part a.
#include "vbc.cuh"

// y = x, with m added (sign 1) or taken away (sign -1) at the columns of part b: element j of m
// belongs to column start + j * step.
//
// Layout: x and y (n, d), m (n, h), row-major. Grid: one thread an element of y.
VBC_GLOBAL void coupling_forward(const float* __restrict__ x, const float* __restrict__ m,
                                 float* __restrict__ y, unsigned n, unsigned d, unsigned h,
                                 unsigned start, unsigned step, float sign) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n * d) {
            unsigned row = i / d;
            unsigned column = i % d;
            unsigned j = (column - start) / step;
            bool moved = column >= start && (column - start) % step == 0 && j < h;
            y[i] = moved ? x[i] + sign * m[row * h + j] : x[i];
        }
    }
}

// The gradient of m: sign times that of y at the columns of part b.
//
// Layout: grad (n, d), dm (n, h). Grid: one thread an element of dm.
VBC_GLOBAL void coupling_shift(const float* __restrict__ grad, float* __restrict__ dm, unsigned n,
                               unsigned d, unsigned h, unsigned start, unsigned step, float sign) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n * h) {
            unsigned row = i / h;
            unsigned column = start + i % h * step;
            dm[i] = column < d ? sign * grad[row * d + column] : 0.0f;
        }
    }
}
