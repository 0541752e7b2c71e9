// Every kernel, as one module.
#include "adam.cu"
#include "bias_leaky.cu"
#include "coupling.cu"
#include "logistic_rate.cu"
#include "redundancy.cu"
#include "window_gather.cu"
