// Code length of values under a discretised logistic, and noise in place of rounding.
//
// With w = exp(-log_scale), a = (z - mean + 1/2) w and b = (z - mean - 1/2) w, the mass of the bin
// around z is F(a) - F(b) = F(a) F(-b) (1 - exp(-w)), F being the logistic function. The logarithms
// of the three factors are small sums wherever z lies, where the difference itself would be 0.
#include "vbc.cuh"

// Beyond these log-scales w leaves what f32 can square; the gradient is 0 there.
#define LOG_SCALE_MAX 30.0f

VBC_DEVICE float clamp_log_scale(float s) {
    s = s < -LOG_SCALE_MAX ? -LOG_SCALE_MAX : s;
    return s > LOG_SCALE_MAX ? LOG_SCALE_MAX : s;
}

// ln(1 + exp(x)).
VBC_DEVICE float softplus(float x) {
    return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)));
}

// The logistic function.
VBC_DEVICE float logistic(float x) {
    float e = expf(-fabsf(x));
    return (x > 0.0f ? 1.0f : e) / (1.0f + e);
}

// Bits of each value.
//
// Layout: z, mean, log_scale and bits (n). Grid: one thread an element.
VBC_GLOBAL void logistic_rate_forward(const float* __restrict__ z, const float* __restrict__ mean,
                                      const float* __restrict__ log_scale, float* __restrict__ bits,
                                      unsigned n) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n) {
            float w = expf(-clamp_log_scale(log_scale[i]));
            float off = z[i] - mean[i];
            float a = (off + 0.5f) * w;
            float b = (off - 0.5f) * w;
            float nats = softplus(-a) + softplus(b) - logf(-expm1f(-w));
            bits[i] = nats * 1.44269504f;
        }
    }
}

// The gradients of z, mean and log_scale.
//
// Layout: z, mean, log_scale and grad (n); out (3, n), a row an argument. Grid: one thread an
// element.
VBC_GLOBAL void logistic_rate_backward(const float* __restrict__ z, const float* __restrict__ mean,
                                       const float* __restrict__ log_scale,
                                       const float* __restrict__ grad, float* __restrict__ out,
                                       unsigned n) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n) {
            float s = log_scale[i];
            float w = expf(-clamp_log_scale(s));
            float off = z[i] - mean[i];
            float a = (off + 0.5f) * w;
            float b = (off - 0.5f) * w;
            float g = grad[i] * 1.44269504f;
            float above = logistic(-a);
            float below = logistic(b);
            float dz = g * w * (below - above);
            // w / expm1(w) goes to 0 as w grows, and expm1 to infinity.
            float ds = g * (a * above - b * below + w / expm1f(w));
            out[i] = dz;
            out[n + i] = -dz;
            out[2 * n + i] = fabsf(s) <= LOG_SCALE_MAX ? ds : s != s ? s : 0.0f;
        }
    }
}

// z rounded to the nearest integer, halves away from 0.
//
// Layout: z and out (n). Grid: one thread an element.
VBC_GLOBAL void round_forward(const float* __restrict__ z, float* __restrict__ out, unsigned n) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n) {
            out[i] = roundf(z[i]);
        }
    }
}

// z plus noise, uniform in -1/2..1/2, that depends on the seed and the element's index alone:
// SplitMix64's output number i, its upper 23 bits.
//
// Layout: z and out (n). Grid: one thread an element.
VBC_GLOBAL void noise_forward(const float* __restrict__ z, float* __restrict__ out, unsigned n,
                              unsigned long long seed) {
    VBC_EACH_THREAD {
        VBC_MY_ELEMENTS(i, n) {
            unsigned long long h = seed + 0x9e3779b97f4a7c15ull * (i + 1ull);
            h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
            h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
            h ^= h >> 31;
            float u = ((float)(h >> 41) + 0.5f) / 8388608.0f - 0.5f;
            out[i] = z[i] + u;
        }
    }
}
