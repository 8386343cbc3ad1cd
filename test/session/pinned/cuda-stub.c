/*
 * A driver of CUDA that knows one context and which ranges of memory are registered, for tests. Declarations are those of
 * cuda.h, and it is as strict as the driver: calls before cuInit, registering without a current context, a range that
 * meets another and one that is not registered are errors. STUB_LOG: the file for what it was asked; STUB_FAILS: the
 * function that fails; STUB_CODE: with which CUresult; STUB_BUDGET: bytes that may be registered at a time.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int CUresult;
typedef int CUdevice;
typedef struct CUctx_st *CUcontext;

#define SUCCESS 0
#define INVALID_VALUE 1
#define OUT_OF_MEMORY 2
#define NOT_INITIALIZED 3
#define INVALID_DEVICE 101
#define INVALID_CONTEXT 201
#define ALREADY_REGISTERED 712
#define NOT_REGISTERED 713
#define MOST 64

struct CUctx_st { int retained; };
struct range { uintptr_t address; size_t bytes; };

static struct CUctx_st contexts[2];
static struct range ranges[MOST];
static int initialized;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local CUcontext current;

static void note(const char *what, uintptr_t address, size_t bytes, unsigned int flags) {
  const char *file = getenv("STUB_LOG");
  if (file == NULL) return;
  FILE *log = fopen(file, "a");
  if (log == NULL) return;
  fprintf(log, "%s %lu %lu %u\n", what, (unsigned long)address, (unsigned long)bytes, flags);
  fclose(log);
}

static int fails(const char *function) {
  const char *which = getenv("STUB_FAILS");
  if (which == NULL || strcmp(which, function) != 0) return 0;
  const char *code = getenv("STUB_CODE");
  return code == NULL ? 999 : atoi(code);
}

CUresult cuInit(unsigned int flags) {
  if (flags != 0) return INVALID_VALUE;
  int code = fails("cuInit");
  if (code == 0) initialized = 1;
  return code;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  if (!initialized) return NOT_INITIALIZED;
  if (ordinal < 0 || ordinal > 1) return INVALID_DEVICE;
  *device = ordinal;
  return SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  if (!initialized) return NOT_INITIALIZED;
  contexts[device].retained++;
  *context = &contexts[device];
  note("retain", (uintptr_t)device, 0, 0);
  return SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  if (contexts[device].retained == 0) return INVALID_CONTEXT;
  contexts[device].retained--;
  note("release", (uintptr_t)device, 0, 0);
  return SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  if (context == NULL || context->retained == 0) return INVALID_CONTEXT;
  current = context;
  return SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  if (current == NULL) return INVALID_CONTEXT;
  *context = current;
  current = NULL;
  return SUCCESS;
}

CUresult cuMemHostRegister_v2(void *p, size_t bytes, unsigned int flags) {
  if (current == NULL) return INVALID_CONTEXT;
  uintptr_t address = (uintptr_t)p;
  uintptr_t page = (uintptr_t)getpagesize();
  /* Older drivers refuse anything but whole pages. */
  if (bytes == 0 || address % page != 0 || bytes % page != 0) return INVALID_VALUE;
  int code = fails("cuMemHostRegister");
  if (code != 0) return code;
  const char *budget = getenv("STUB_BUDGET");
  size_t sum = bytes;
  int place = -1;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MOST; i++) {
    struct range *range = &ranges[i];
    sum += range->bytes;
    if (range->bytes == 0) place = place < 0 ? i : place;
    else if (address < range->address + range->bytes && range->address < address + bytes) code = ALREADY_REGISTERED;
  }
  if (code == 0 && budget != NULL && sum > (size_t)atol(budget)) code = OUT_OF_MEMORY;
  if (code == 0) {
    ranges[place] = (struct range){address, bytes};
    /* It is memory that may be read and written: pages are pinned, which touches them. */
    for (size_t at = 0; at < bytes; at += page) *((volatile char *)p + at) |= 0;
    note("register", address, bytes, flags);
  }
  pthread_mutex_unlock(&lock);
  return code;
}

CUresult cuMemHostUnregister(void *p) {
  if (current == NULL) return INVALID_CONTEXT;
  CUresult code = NOT_REGISTERED;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MOST; i++) {
    if (ranges[i].bytes == 0 || ranges[i].address != (uintptr_t)p) continue;
    note("unregister", ranges[i].address, ranges[i].bytes, 0);
    ranges[i].bytes = 0;
    code = SUCCESS;
  }
  pthread_mutex_unlock(&lock);
  return code;
}

CUresult cuGetErrorName(CUresult error, const char **name) {
  switch (error) {
    case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; return SUCCESS;
    case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return SUCCESS;
    case NOT_INITIALIZED: *name = "CUDA_ERROR_NOT_INITIALIZED"; return SUCCESS;
    case 100: *name = "CUDA_ERROR_NO_DEVICE"; return SUCCESS;
    case INVALID_DEVICE: *name = "CUDA_ERROR_INVALID_DEVICE"; return SUCCESS;
    case ALREADY_REGISTERED: *name = "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"; return SUCCESS;
    case NOT_REGISTERED: *name = "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"; return SUCCESS;
    default: *name = NULL; return INVALID_VALUE;
  }
}
