// Values of a batch of images around given pixels, and the way back.
#include "vbc.cuh"

// The values at fixed offsets from each pixel, 0 outside the image.
//
// Layout: images (n, height, width); cells (rows), the index of each row's pixel in `images`;
// offsets (k, 2), each dy and dx as two's complement; out (rows, k).
// Grid: one thread an element of out.
VBC_GLOBAL void window_gather_forward(const float* __restrict__ images,
                                      const unsigned* __restrict__ cells,
                                      const unsigned* __restrict__ offsets, float* __restrict__ out,
                                      unsigned n, unsigned height, unsigned width, unsigned rows,
                                      unsigned k) {
    unsigned area = height * width;
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, rows * k) {
            unsigned cell = cells[i / k];
            unsigned place = cell % area;
            unsigned base = cell - place;
            // Off the upper or left edge wraps to a large number, which is not below the size.
            unsigned y = place / width + offsets[i % k * 2];
            unsigned x = place % width + offsets[i % k * 2 + 1];
            bool inside = y < height && x < width && cell < n * area;
            out[i] = inside ? images[base + y * width + x] : 0.0f;
        }
    }
}

// The gradient of the images, as a gather: a cell adds up what the rows that looked at it got, by
// offset and then by row, in double precision. No atomics, so the result never varies.
//
// Layout: grad (rows, k); offsets (k, 2); the rows of the pixel with index p are
// row_of[start[p]..start[p + 1]], in rising order, with start (n * height * width + 1) and
// row_of (rows); images' gradient (n, height, width). Grid: one thread a cell.
VBC_GLOBAL void window_gather_backward(const float* __restrict__ grad,
                                       const unsigned* __restrict__ offsets,
                                       const unsigned* __restrict__ start,
                                       const unsigned* __restrict__ row_of,
                                       float* __restrict__ images, unsigned n, unsigned height,
                                       unsigned width, unsigned rows, unsigned k) {
    unsigned area = height * width;
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(cell, n * area) {
            unsigned place = cell % area;
            unsigned base = cell - place;
            double sum = 0.0;
            for (unsigned j = 0; j < k; ++j) {
                unsigned y = place / width - offsets[j * 2];
                unsigned x = place % width - offsets[j * 2 + 1];
                if (y < height && x < width) {
                    unsigned pixel = base + y * width + x;
                    unsigned to = start[pixel + 1] < rows ? start[pixel + 1] : rows;
                    for (unsigned t = start[pixel]; t < to; ++t) {
                        if (row_of[t] < rows) {
                            sum += (double)grad[row_of[t] * k + j];
                        }
                    }
                }
            }
            images[cell] = (float)sum;
        }
    }
}
