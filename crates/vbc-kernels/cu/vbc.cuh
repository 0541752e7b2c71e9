// What lets one kernel source compile as CUDA and, for the tests, as C++ for the host.
//
// On the host a kernel is an ordinary function that does one block, and VBC_EACH_THREAD loops over
// the block's threads one after the other. That is a faithful stand-in under three rules:
//
// - Everything a thread does stands inside a VBC_EACH_THREAD { ... } region, and nothing leaves a
//   region early (no return, no break out of it).
// - A region is closed with VBC_BARRIER wherever a later region reads what another thread wrote.
// - Code outside the regions is the same for all threads of a block. A thread keeps nothing of its
//   own from one region to the next: what must last lies in VBC_SHARED memory, at its own index.
//
// Grids and blocks have one dimension, blocks at most VBC_BLOCK threads. Sizes are `unsigned` and
// below 2^31 (the caller checks), and every loop strides over the whole grid, so that any grid is
// correct and none runs past an array.
#pragma once

#define VBC_BLOCK 256

#ifdef __CUDACC__

#define VBC_GLOBAL extern "C" __global__
#define VBC_DEVICE static __device__ __forceinline__
#define VBC_SHARED __shared__
#define VBC_EACH_THREAD
#define VBC_BARRIER __syncthreads();

#else

#include <cmath>

struct VbcIndex {
    unsigned x;
};
static VbcIndex gridDim, blockDim, blockIdx, threadIdx;
// Threads last to first: a race shows as a result that depends on the order.
static bool vbc_reverse = false;

static bool vbc_enter(unsigned turn) {
    threadIdx.x = vbc_reverse ? blockDim.x - 1 - turn : turn;
    return true;
}

#define VBC_GLOBAL extern "C"
#define VBC_DEVICE static inline
#define VBC_SHARED
#define VBC_EACH_THREAD \
    for (unsigned vbc_turn = 0; vbc_turn < blockDim.x && vbc_enter(vbc_turn); ++vbc_turn)
#define VBC_BARRIER

#endif

// The elements of 0..n that fall to this thread: neighbouring threads take neighbouring elements.
#define VBC_MY_ELEMENTS(i, n)                                                   \
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < (n);           \
         i += gridDim.x * blockDim.x)
