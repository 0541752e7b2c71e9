// Chunk mean, and how far the c values of each group are from being copies of it.
#include "vbc.cuh"

// For each image the mean of each group's c values, and factor times the sum of all squared
// deviations from the means.
//
// Layout: y (n, d) with d = groups * c; columns (groups, c), the column of each value;
// out (n, groups + 1), the means and then the redundancy.
// Grid: a block an image. `lanes` threads, a power of two up to the block, share a group, so that
// blockDim / lanes groups are done at a time. A lane adds up every lanes-th value, and lanes are
// added pairwise: f32 throughout. Two passes, mean first, so nothing cancels.
VBC_GLOBAL void redundancy_forward(const float* __restrict__ y,
                                   const unsigned* __restrict__ columns, float* __restrict__ out,
                                   unsigned n, unsigned groups, unsigned c, unsigned lanes,
                                   float factor) {
    VBC_SHARED float sums[VBC_BLOCK];
    VBC_SHARED float squares[VBC_BLOCK];
    unsigned d = groups * c;
    unsigned at_once = blockDim.x / lanes;
    for (unsigned row = blockIdx.x; row < n; row += gridDim.x) {
        VBC_EACH_THREAD {
            squares[threadIdx.x] = 0.0f;
        }
        VBC_BARRIER
        for (unsigned first = 0; first < groups; first += at_once) {
            VBC_EACH_THREAD {
                unsigned group = first + threadIdx.x / lanes;
                float sum = 0.0f;
                if (group < groups) {
                    for (unsigned k = threadIdx.x % lanes; k < c; k += lanes) {
                        sum += y[row * d + columns[group * c + k]];
                    }
                }
                sums[threadIdx.x] = sum;
            }
            VBC_BARRIER
            for (unsigned half = lanes / 2; half > 0; half /= 2) {
                VBC_EACH_THREAD {
                    if (threadIdx.x % lanes < half) {
                        sums[threadIdx.x] += sums[threadIdx.x + half];
                    }
                }
                VBC_BARRIER
            }
            VBC_EACH_THREAD {
                unsigned lane = threadIdx.x % lanes;
                unsigned group = first + threadIdx.x / lanes;
                if (group < groups) {
                    float mean = sums[threadIdx.x - lane] / (float)c;
                    if (lane == 0) {
                        out[row * (groups + 1) + group] = mean;
                    }
                    float sum = 0.0f;
                    for (unsigned k = lane; k < c; k += lanes) {
                        float off = y[row * d + columns[group * c + k]] - mean;
                        sum += off * off;
                    }
                    squares[threadIdx.x] += sum;
                }
            }
            VBC_BARRIER
        }
        // The block need not be a power of two: what has no partner waits.
        for (unsigned width = blockDim.x; width > 1; width = (width + 1) / 2) {
            VBC_EACH_THREAD {
                unsigned other = threadIdx.x + (width + 1) / 2;
                if (other < width) {
                    squares[threadIdx.x] += squares[other];
                }
            }
            VBC_BARRIER
        }
        VBC_EACH_THREAD {
            if (threadIdx.x == 0) {
                out[row * (groups + 1) + groups] = factor * squares[0];
            }
        }
        VBC_BARRIER
    }
}

// The gradient of y. With c = 1 every deviation is 0 and so is `factor`: only the mean's gradient
// is left.
//
// Layout: y and dy (n, d); group_of (d), the group of each column; out and grad (n, groups + 1), the
// forward result and its gradient. Grid: one thread an element of dy.
VBC_GLOBAL void redundancy_backward(const float* __restrict__ y,
                                    const unsigned* __restrict__ group_of,
                                    const float* __restrict__ out, const float* __restrict__ grad,
                                    float* __restrict__ dy, unsigned n, unsigned groups, unsigned c,
                                    float factor) {
    unsigned d = groups * c;
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n * d) {
            unsigned at = i / d * (groups + 1);
            unsigned group = group_of[i % d];
            float off = y[i] - out[at + group];
            dy[i] = grad[at + group] / (float)c + 2.0f * factor * grad[at + groups] * off;
        }
    }
}
