/* A libnvidia-ml.so.1 without a GPU, for machines in a rehearsal. What it says is in the file /var/lib/gpu-stand-in, or that
 * named by NVML_STAND_IN, which is read anew at every call: a test changes it while programs run.
 *
 *     driver 580.95.05          optional
 *     error 15                  every call fails with that number (9 driver not loaded, 15 GPU lost, 999 unknown)
 *     gpu 83 9000 24564         one line a GPU: percent busy, MiB used, MiB there; then optionally its own error, or 0
 *
 * Without the file there is one idle GPU with 24564 MiB. Numbers of errors and layouts are those of nvml.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 8
enum { OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef unsigned long long size;
typedef struct { unsigned percent; size used, total; int error; } Gpu;
typedef struct { char driver[80]; int error; unsigned count; Gpu gpus[MOST]; } State;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { size total, free, used; } Memory;
typedef struct { unsigned version; size total, reserved, free, used; } MemoryV2;

static int begun;
static char handles[MOST];

static void read_state(State *state) {
    const char *path = getenv("NVML_STAND_IN");
    FILE *file = fopen(path ? path : "/var/lib/gpu-stand-in", "r");
    char line[200];
    memset(state, 0, sizeof *state);
    strcpy(state->driver, "580.95.05");
    if (!file) {
        state->count = 1;
        state->gpus[0].total = 24564;
        return;
    }
    while (fgets(line, sizeof line, file)) {
        Gpu *gpu = &state->gpus[state->count];
        if (sscanf(line, "driver %79s", state->driver) == 1 || sscanf(line, "error %d", &state->error) == 1) continue;
        if (state->count < MOST && sscanf(line, "gpu %u %llu %llu %d", &gpu->percent, &gpu->used, &gpu->total, &gpu->error) >= 3)
            state->count++;
    }
    fclose(file);
}

/* The state, or why there is none; `device` NULL: the call concerns no GPU. */
static int look(State *state, void *device, Gpu **gpu) {
    size_t index = device ? (size_t)((char *)device - handles) : 0;
    read_state(state);
    if (!begun) return UNINITIALIZED;
    if (state->error) return state->error;
    if (!device) return OK;
    if (index >= state->count) return INVALID_ARGUMENT;
    *gpu = &state->gpus[index];
    return (*gpu)->error;
}

static int text(char *into, unsigned room, const char *what) {
    if (strlen(what) >= room) return INSUFFICIENT_SIZE;
    strcpy(into, what);
    return OK;
}

int nvmlInit_v2(void) {
    State state;
    read_state(&state);
    if (state.error == OK) begun = 1;
    return state.error;
}
int nvmlInitWithFlags(unsigned flags) { return flags ? INVALID_ARGUMENT : nvmlInit_v2(); }
int nvmlShutdown(void) {
    int was = begun;
    begun = 0;
    return was ? OK : UNINITIALIZED;
}
const char *nvmlErrorString(int error) {
    return error == OK ? "Success" : error == 9 ? "Driver Not Loaded" : error == 15 ? "GPU is lost" : "Error of the stand-in";
}
int nvmlSystemGetDriverVersion(char *into, unsigned room) {
    State state;
    int error = look(&state, NULL, NULL);
    return error ? error : text(into, room, state.driver);
}
int nvmlSystemGetNVMLVersion(char *into, unsigned room) { return text(into, room, "13.580.95.05"); }
int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    State state;
    *version = 13000;
    return look(&state, NULL, NULL);
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    State state;
    int error = look(&state, NULL, NULL);
    *count = state.count;
    return error;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    State state;
    int error = look(&state, NULL, NULL);
    if (error) return error;
    if (index >= state.count) return INVALID_ARGUMENT;
    *device = &handles[index];
    return state.gpus[index].error;
}
int nvmlDeviceGetIndex(void *device, unsigned *index) {
    State state;
    Gpu *gpu = NULL;
    *index = (unsigned)((char *)device - handles);
    return look(&state, device, &gpu);
}
int nvmlDeviceGetName(void *device, char *into, unsigned room) {
    State state;
    Gpu *gpu = NULL;
    int error = look(&state, device, &gpu);
    return error ? error : text(into, room, "NVIDIA A10G (stand-in)");
}
int nvmlDeviceGetUUID(void *device, char *into, unsigned room) {
    State state;
    Gpu *gpu = NULL;
    char name[48];
    int error = look(&state, device, &gpu);
    snprintf(name, sizeof name, "GPU-00000000-0000-0000-0000-%012u", (unsigned)((char *)device - handles));
    return error ? error : text(into, room, name);
}
int nvmlDeviceGetUtilizationRates(void *device, Utilization *rates) {
    State state;
    Gpu *gpu = NULL;
    int error = look(&state, device, &gpu);
    if (error) return error;
    rates->gpu = gpu->percent;
    rates->memory = gpu->percent / 2;
    return OK;
}
int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
    State state;
    Gpu *gpu = NULL;
    int error = look(&state, device, &gpu);
    if (error) return error;
    memory->total = gpu->total << 20;
    memory->used = gpu->used << 20;
    memory->free = memory->total - memory->used;
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, MemoryV2 *memory) {
    Memory plain;
    int error = nvmlDeviceGetMemoryInfo(device, &plain);
    if (error) return error;
    memory->reserved = 0;
    memory->total = plain.total;
    memory->used = plain.used;
    memory->free = plain.free;
    return OK;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
    State state;
    Gpu *gpu = NULL;
    *celsius = 40;
    return sensor ? INVALID_ARGUMENT : look(&state, device, &gpu);
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    State state;
    Gpu *gpu = NULL;
    *milliwatts = 20000;
    return look(&state, device, &gpu);
}
