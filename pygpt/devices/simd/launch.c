// The entry point: runs a list of launches in order.
#include "simd.h"

__attribute__((visibility("default"))) void run_all(const Launch *launches, int32_t count) {
    for (int32_t i = 0; i < count; i++) launches[i].run(&launches[i]);
}
