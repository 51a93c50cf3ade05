/*
 * The system calls that sigmq needs and that Node does not offer. Everything else (codec, protocol, bus) is
 * TypeScript.
 *
 * Linked without any library (see scripts/build-addon.mjs): libc, Node-API and libuv are found in the
 * process that loads it, so that one binary serves old and new glibc and musl.
 */
#pragma once
#define _GNU_SOURCE
#include <node_api.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* pidfd_open(2) and pidfd_send_signal(2), the same on every architecture; its flag is of Linux 6.9. */
enum { PIDFD_OPEN = 434, PIDFD_SEND_SIGNAL = 424, PIDFD_SIGNAL_THREAD = 1 };

/* SIGUSR1 and SIGUSR2, which block() blocks, and the signalfd that becomes readable when one is pending. */
extern sigset_t both;
extern int signal_fd;
/* The kernel knows PIDFD_SIGNAL_THREAD. */
extern bool by_descriptor;

static inline int64_t now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline napi_value integer(napi_env env, int32_t value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

/* The arguments of a call as integers, -1 for one that is missing; at most 4. */
static inline void int_args(napi_env env, napi_callback_info info, size_t count, int32_t *out) {
  napi_value args[4];
  size_t given = count;
  napi_get_cb_info(env, info, &given, args, NULL, NULL);
  for (size_t i = 0; i < count; i++) {
    out[i] = -1;
    if (i < given) napi_get_value_int32(env, args[i], &out[i]);
  }
}

/* threads.c: both signals are blocked in each of them. */
napi_value block(napi_env env, napi_callback_info info);
napi_value nudge_threads(napi_env env, napi_callback_info info);

/* exchange.c: the signals of frames, and the memory in which JavaScript says what is to be sent. */
napi_value exchange(napi_env env, napi_callback_info info);
napi_value clear_gap(napi_env env, napi_callback_info info);
napi_value new_memory(napi_env env);
/* What is in that memory: the names of the parts, in their order. */
extern const char LAYOUT[];

/* pack.c: fewer bits for the same bytes. */
napi_value begin_coding(napi_env env, napi_callback_info info);
napi_value feed_coding(napi_env env, napi_callback_info info);
napi_value end_coding(napi_env env, napi_callback_info info);
napi_value drop_coding(napi_env env, napi_callback_info info);
napi_value model_bytes(napi_env env);
/* Does a little of it, for less than the time of a bit. Returns whether there was something to do. */
bool work_in_pause(void);

/* watcher.c: descriptors in the event loop. */
napi_value watch(napi_env env, napi_callback_info info);
napi_value arm(napi_env env, napi_callback_info info);
napi_value unwatch(napi_env env, napi_callback_info info);
