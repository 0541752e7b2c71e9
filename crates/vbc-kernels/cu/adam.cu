// One step of Adam, everything in one pass; and the gradient's length, to clip by.
#include "vbc.cuh"

// Moves the values against the gradient. For each element, with k the mask's value or 1:
// g = gradient * scale * k; m += (1 - beta1)(g - m); v += (1 - beta2)(g g - v);
// theta = clamp((theta - rate m / (sqrt(v) root + eps)) k); average += (1 - decay)(theta - average).
//
// Layout: theta, gradient and mask (n); state (2, n), moments m and v, or (3, n) with the average.
// Without a mask `masked` is 0 and any array stands in for it. Grid: one thread an element.
VBC_GLOBAL void adam_step(float* __restrict__ theta, float* __restrict__ state,
                          const float* __restrict__ gradient, const float* __restrict__ mask,
                          unsigned n, unsigned masked, unsigned averaged, float beta1, float beta2,
                          float rate, float root, float eps, float scale, float decay,
                          float bound) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n) {
            float keep = masked ? mask[i] : 1.0f;
            float g = gradient[i] * scale * keep;
            float m = state[i];
            float v = state[n + i];
            m += (1.0f - beta1) * (g - m);
            v += (1.0f - beta2) * (g * g - v);
            float value = (theta[i] - rate * m / (sqrtf(v) * root + eps)) * keep;
            value = value < -bound ? -bound : value;
            value = value > bound ? bound : value;
            state[i] = m;
            state[n + i] = v;
            theta[i] = value;
            if (averaged) {
                float average = state[2 * n + i];
                state[2 * n + i] = average + (1.0f - decay) * (value - average);
            }
        }
    }
}

// The average's step alone, for a parameter that had no gradient.
//
// Layout: theta (n), state (3, n). Grid: one thread an element.
VBC_GLOBAL void adam_average(const float* __restrict__ theta, float* __restrict__ state, unsigned n,
                             float decay) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n) {
            float average = state[2 * n + i];
            state[2 * n + i] = average + (1.0f - decay) * (theta[i] - average);
        }
    }
}

// Sums of squares, one a block: a thread adds up its own elements in double precision, the
// threads of a block are added pairwise. The caller adds the blocks.
//
// Layout: values (n), mask (n) or any array with `masked` 0, part (gridDim). Grid: any; the result's
// last digits depend on it. A block is a power of two.
VBC_GLOBAL void sum_of_squares(const float* __restrict__ values, const float* __restrict__ mask,
                               float* __restrict__ part, unsigned n, unsigned masked) {
    VBC_SHARED double sums[VBC_BLOCK];
    VBC_EACH_THREAD {
        double sum = 0.0;
        VBC_MY_ELEMENTS(i, n) {
            double v = (double)(masked ? values[i] * mask[i] : values[i]);
            sum += v * v;
        }
        sums[threadIdx.x] = sum;
    }
    VBC_BARRIER
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        VBC_EACH_THREAD {
            if (threadIdx.x < half) {
                sums[threadIdx.x] += sums[threadIdx.x + half];
            }
        }
        VBC_BARRIER
    }
    VBC_EACH_THREAD {
        if (threadIdx.x == 0) {
            part[blockIdx.x] = (float)sums[0];
        }
    }
}
