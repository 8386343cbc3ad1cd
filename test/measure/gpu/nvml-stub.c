/*
 * An NVML with two GPUs of known values, for tests: the second is one of before Hopper, and tells little. Declarations
 * are those of nvml.h, so that a wrong order of arguments, a wrong size or a wrong version comes back as an error or as
 * another number. Writes what it was asked to STUB_LOG, if that is set.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int nvmlReturn_t;
typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { struct nvmlGpmSample_st *handle; } nvmlGpmSample_t;
typedef struct { char *shortName, *longName, *unit; } nvmlGpmMetricMetricInfo_t;
typedef struct {
  unsigned int metricId;
  nvmlReturn_t nvmlReturn;
  double value;
  nvmlGpmMetricMetricInfo_t metricInfo;
} nvmlGpmMetric_t;
typedef struct {
  unsigned int version, numMetrics;
  nvmlGpmSample_t sample1, sample2;
  nvmlGpmMetric_t metrics[333];
} nvmlGpmMetricsGet_t;
typedef struct { unsigned int version, isSupportedDevice; } nvmlGpmSupport_t;

#define SUCCESS 0
#define UNINITIALIZED 1
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define INSUFFICIENT_SIZE 7
#define MISMATCH 25

struct nvmlDevice_st { int index; };
#ifndef WITHOUT_GPM
struct nvmlGpmSample_st { int taken, live; };
static int samples_taken;
#endif

static struct nvmlDevice_st devices[2] = {{0}, {1}};
static int initialized, samples_live;

static void note(const char *what) {
  const char *file = getenv("STUB_LOG");
  if (file == NULL) return;
  FILE *log = fopen(file, "a");
  if (log == NULL) return;
  fprintf(log, "%s\n", what);
  fclose(log);
}

static int known(nvmlDevice_t device) {
  return initialized && (device == &devices[0] || device == &devices[1]);
}

static nvmlReturn_t copy(char *out, unsigned int length, unsigned int least, const char *text) {
  if (length < least) return INSUFFICIENT_SIZE;
  memset(out, 'x', length);
  strcpy(out, text);
  return SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void) {
  if (getenv("STUB_FAILS")) return 9; /* NVML_ERROR_DRIVER_NOT_LOADED */
  initialized++;
  note("init");
  return SUCCESS;
}

nvmlReturn_t nvmlShutdown(void) {
  if (!initialized) return UNINITIALIZED;
  if (--initialized == 0 && samples_live > 0) note("leaked samples");
  note("shutdown");
  return SUCCESS;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  return copy(version, length, 80, "550.54.15");
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = 12040;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
  *count = getenv("STUB_EMPTY") ? 0 : 3;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
  if (index == 2) return 4; /* NVML_ERROR_NO_PERMISSION: counted, not to be had */
  if (index > 2) return INVALID_ARGUMENT;
  *device = &devices[index];
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
  if (!known(device)) return INVALID_ARGUMENT;
  return copy(name, length, 96, device->index == 0 ? "NVIDIA Stub H100" : "NVIDIA Stub T4");
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
  if (!known(device)) return INVALID_ARGUMENT;
  return copy(uuid, length, 80, device->index == 0 ? "GPU-0a" : "GPU-1b");
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization) {
  if (!known(device)) return INVALID_ARGUMENT;
  *utilization = (nvmlUtilization_t){device->index == 0 ? 87 : 5, device->index == 0 ? 41 : 2};
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
  if (!known(device)) return INVALID_ARGUMENT;
  /* More than 32 bits. */
  *memory = (nvmlMemory_t){85899345920ULL, 75161927680ULL, 10737418240ULL};
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power) {
  if (!known(device)) return INVALID_ARGUMENT;
  if (device->index == 1) return NOT_SUPPORTED;
  *power = 412500;
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, int type, unsigned int *clock) {
  if (!known(device)) return INVALID_ARGUMENT;
  *clock = 1000 * (unsigned int)(type + 1); /* graphics 1000, SM 2000, memory 3000 */
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, int counter, unsigned int *value) {
  if (!known(device) || counter > 1) return INVALID_ARGUMENT;
  usleep(20000);
  note("pcie");
  *value = counter == 0 ? 700 : 9000; /* kB/s: sent, received */
  return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned int *celsius) {
  if (!known(device) || sensor != 0) return INVALID_ARGUMENT;
  *celsius = 61;
  return SUCCESS;
}

#ifndef WITHOUT_GPM
nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *support) {
  if (!known(device)) return INVALID_ARGUMENT;
  if (support->version != 1) return MISMATCH;
  support->isSupportedDevice = device->index == 0;
  return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *sample) {
  sample->handle = calloc(1, sizeof(struct nvmlGpmSample_st));
  sample->handle->live = 0x5a5a;
  samples_live++;
  return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
  if (sample.handle == NULL || sample.handle->live != 0x5a5a) return INVALID_ARGUMENT;
  sample.handle->live = 0;
  samples_live--;
  free(sample.handle);
  return SUCCESS;
}

nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample) {
  if (!known(device) || sample.handle->live != 0x5a5a) return INVALID_ARGUMENT;
  sample.handle->taken = ++samples_taken;
  return SUCCESS;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *get) {
  if (get->version != 1) return MISMATCH;
  if (get->sample1.handle->live != 0x5a5a || get->sample2.handle->live != 0x5a5a) return INVALID_ARGUMENT;
  /* The older sample comes first. */
  if (get->sample1.handle->taken != get->sample2.handle->taken - 1) return INVALID_ARGUMENT;
  if (get->numMetrics > 333) return INVALID_ARGUMENT;
  for (unsigned int i = 0; i < get->numMetrics; i++) {
    nvmlGpmMetric_t *metric = &get->metrics[i];
    metric->nvmlReturn = SUCCESS;
    metric->metricInfo = (nvmlGpmMetricMetricInfo_t){"short", "long", "unit"};
    switch (metric->metricId) {
      case 2: metric->value = 62.5; break;   /* SM_UTIL */
      case 3: metric->value = 25; break;     /* SM_OCCUPANCY */
      case 5: metric->value = 12.5; break;   /* ANY_TENSOR_UTIL */
      case 10: metric->value = 50; break;    /* DRAM_BW_UTIL */
      case 20: metric->value = 3; break;     /* PCIE_TX_PER_SEC, MiB/s */
      case 21: metric->value = 2048; break;  /* PCIE_RX_PER_SEC */
      default: metric->nvmlReturn = NOT_SUPPORTED; metric->value = 1e9;
    }
  }
  return SUCCESS;
}
#endif
