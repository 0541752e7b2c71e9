// Runs the kernels on the host, one launch a request, for the tests.
//
// A request on standard input: the kernel's name, its length first; then blocks, threads and a flag
// (1: threads and blocks last to first); then the number of arguments, and for each its kind and its
// value. All numbers are 32-bit in the machine's byte order. Kinds:
//   0 const float*   1 float*   2 const unsigned*   each with its element count and its elements
//   3 unsigned       4 float    5 unsigned long long, low word first
// The answer on standard output: the elements of each float*, in order. Anything unexpected ends the
// program with a line on standard error.
//
// Every array is an allocation of exactly its size, so that the address sanitizer sees a step beyond.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../all.cu"

namespace {

[[noreturn]] void refuse(const std::string& why) {
    fprintf(stderr, "host kernels: %s\n", why.c_str());
    exit(3);
}

// False at the end of input before the first byte.
bool read_bytes(void* to, size_t size) {
    size_t got = fread(to, 1, size, stdin);
    if (got != size && got != 0) {
        refuse("input ends within a request");
    }
    return got == size;
}

uint32_t read_word() {
    uint32_t word = 0;
    if (!read_bytes(&word, sizeof word)) {
        refuse("input ends within a request");
    }
    return word;
}

struct Argument {
    uint32_t kind = 0;
    uint32_t words[2] = {0, 0};
    size_t count = 0;
    std::unique_ptr<uint32_t, decltype(&free)> elements{nullptr, free};
};

struct Request {
    std::string kernel;
    uint32_t blocks = 0;
    uint32_t threads = 0;
    std::vector<Argument> arguments;

    const Argument& of_kind(size_t i, uint32_t kind) const {
        if (i >= arguments.size() || arguments[i].kind != kind) {
            refuse(kernel + ": argument " + std::to_string(i) + " is not of the kernel's type");
        }
        return arguments[i];
    }

    template <class T>
    T get(size_t i) const {
        if constexpr (std::is_same_v<T, const float*>) {
            return reinterpret_cast<T>(of_kind(i, 0).elements.get());
        } else if constexpr (std::is_same_v<T, float*>) {
            return reinterpret_cast<T>(of_kind(i, 1).elements.get());
        } else if constexpr (std::is_same_v<T, const unsigned*>) {
            return of_kind(i, 2).elements.get();
        } else if constexpr (std::is_same_v<T, unsigned>) {
            return of_kind(i, 3).words[0];
        } else if constexpr (std::is_same_v<T, float>) {
            float value;
            memcpy(&value, of_kind(i, 4).words, sizeof value);
            return value;
        } else {
            static_assert(std::is_same_v<T, unsigned long long>);
            const uint32_t* words = of_kind(i, 5).words;
            return (unsigned long long)words[1] << 32 | words[0];
        }
    }
};

template <class... P, size_t... I>
void launch(void (*kernel)(P...), const Request& request, std::index_sequence<I...>) {
    if (request.arguments.size() != sizeof...(P)) {
        refuse(request.kernel + ": wrong number of arguments");
    }
    gridDim.x = request.blocks;
    blockDim.x = request.threads;
    for (unsigned turn = 0; turn < gridDim.x; ++turn) {
        blockIdx.x = vbc_reverse ? gridDim.x - 1 - turn : turn;
        kernel(request.get<P>(I)...);
    }
}

template <class... P>
void launch(void (*kernel)(P...), const Request& request) {
    launch(kernel, request, std::index_sequence_for<P...>());
}

void dispatch(const Request& r) {
#define KERNEL(name)        \
    if (r.kernel == #name) { \
        launch(name, r);    \
        return;             \
    }
    KERNEL(adam_average)
    KERNEL(adam_step)
    KERNEL(bias_leaky_backward)
    KERNEL(bias_leaky_forward)
    KERNEL(bias_leaky_total)
    KERNEL(coupling_forward)
    KERNEL(coupling_shift)
    KERNEL(logistic_rate_backward)
    KERNEL(logistic_rate_forward)
    KERNEL(noise_forward)
    KERNEL(redundancy_backward)
    KERNEL(redundancy_forward)
    KERNEL(round_forward)
    KERNEL(sum_of_squares)
    KERNEL(window_gather_backward)
    KERNEL(window_gather_forward)
#undef KERNEL
    refuse("no kernel " + r.kernel);
}

Argument read_argument() {
    Argument a;
    a.kind = read_word();
    if (a.kind > 5) {
        refuse("no such kind of argument");
    }
    if (a.kind > 2) {
        a.words[0] = read_word();
        a.words[1] = a.kind == 5 ? read_word() : 0;
        return a;
    }
    a.count = read_word();
    a.elements.reset(static_cast<uint32_t*>(malloc(a.count * 4)));
    if (a.count > 0 && (!a.elements || !read_bytes(a.elements.get(), a.count * 4))) {
        refuse("an array is missing");
    }
    return a;
}

}  // namespace

int main() {
    uint32_t length;
    while (read_bytes(&length, sizeof length)) {
        Request r;
        r.kernel.resize(length);
        read_bytes(r.kernel.data(), length);
        r.blocks = read_word();
        r.threads = read_word();
        vbc_reverse = read_word() != 0;
        if (r.threads == 0 || r.threads > VBC_BLOCK) {
            refuse("a block has 1 to VBC_BLOCK threads");
        }
        uint32_t arguments = read_word();
        for (uint32_t i = 0; i < arguments; ++i) {
            r.arguments.push_back(read_argument());
        }
        dispatch(r);
        for (const Argument& a : r.arguments) {
            if (a.kind == 1) {
                fwrite(a.elements.get(), 4, a.count, stdout);
            }
        }
        fflush(stdout);
    }
    return 0;
}
