/* The signals of frames: sends them to the main thread of a peer, and handles the routine part of a frame. */
#include "sigmq.h"
#include "wait.h"
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * After a pause of this length between two sends the world may have changed: the bus may be lost
 * (docs/protocol.md, section 5; that takes 100 ms at least), and the PID that we are about to signal may
 * name another process (section 2; that takes a kill, a wait and a fork).
 */
static const int64_t GAP_NS = 1000 * 1000;
/* Even if all is well, a frame returns to JavaScript after this time. */
static const int64_t SLICE_NS = 5000 * 1000;

static int64_t last_send_ns = 0;
static bool gap = false;

static void note_time(int64_t now) {
  if (now - last_send_ns > GAP_NS) gap = true;
  last_send_ns = now;
}

/*
 * What exchange() has to do and has done, in memory shared with JavaScript. It handles the routine part of a frame
 * by itself, because a process that lives for one message runs most of its JavaScript uncompiled, at a tenth of
 * the speed. The fields are those of src/signals/memory.ts, in its order, each of 32 bits; JavaScript compares
 * the names when it loads the addon (LAYOUT).
 */
#define FIELDS(FIELD) \
  /* One bit that is sent first: the echo of a signal that exchange() has returned. -1: none. */ \
  FIELD(answer_pid) FIELD(answer_fd) FIELD(answer) \
  /* Bits to a peer, each after the echo of the one before (0 and then 1: both at once, see send_run). */ \
  FIELD(run_pid) FIELD(run_fd) FIELD(run_bits) FIELD(run_sent) FIELD(run_echoed) \
  /* Bits of a peer that are echoed at once, for up to echo_room bytes, none of them zero: a zero ends a frame. */ \
  FIELD(echo_pid) FIELD(echo_fd) FIELD(echo_room) FIELD(echo_bytes) \
  /* The incomplete byte, and how many bits of it there are. */ \
  FIELD(echo_byte) FIELD(echo_bits) \
  /* Signals that came without their sender; see wait.c. */ \
  FIELD(nameless)

#define DECLARED(name) int32_t name;
#define NAMED(name) #name " "

enum { BLOCK = 64 };
static struct {
  FIELDS(DECLARED)
  uint8_t run[BLOCK], echo[BLOCK];
} *memory;

const char LAYOUT[] = FIELDS(NAMED) "run echo";

/* What exchange() returns other than a signal, and ENDED. */
enum { NONE = 0, MORE = -2, GAP = -3, UNREACHABLE = -4 };

/*
 * Sends a bit to the main thread of an echo peer: to its pending set, which kill(2) never touches. By descriptor,
 * which never refers to another process, where the kernel can; otherwise (-1) by PID. The caller has checked `gap`.
 */
static bool send_bit(int32_t pid, int32_t fd, int bit) {
  int sig = bit ? SIGUSR2 : SIGUSR1;
  if (fd >= 0 && by_descriptor)
    return syscall(PIDFD_SEND_SIGNAL, fd, sig, NULL, PIDFD_SIGNAL_THREAD) == 0;
  return fd >= -1 && syscall(SYS_tgkill, pid, pid, sig) == 0;
}

/* An echo needs no bus: all that can change is whose PID it is, and with a descriptor that cannot change. */
static int send_echo(int32_t pid, int32_t fd, int bit, int64_t now) {
  if (fd < 0 || !by_descriptor) {
    note_time(now);
    if (gap) return GAP;
  }
  return send_bit(pid, fd, bit) ? 0 : UNREACHABLE;
}

static int run_bit(int index) {
  return memory->run[index >> 3] >> (index & 7) & 1;
}

/*
 * Sends the next bit of the run, if none is under way. A 0 and the 1 after it are sent together, because the kernel
 * delivers the lower signal first (signal(7)); not across the end of a byte, where a receiver may refuse.
 */
static int send_run(int64_t now) {
  if (memory->run_sent > memory->run_echoed || memory->run_sent >= memory->run_bits) return 0;
  note_time(now);
  if (gap) return GAP;
  int bit;
  do {
    bit = run_bit(memory->run_sent);
    if (!send_bit(memory->run_pid, memory->run_fd, bit)) return UNREACHABLE;
    memory->run_sent++;
  } while (bit == 0 && memory->run_sent % 8 != 0 && memory->run_sent < memory->run_bits && run_bit(memory->run_sent));
  return 0;
}

static int send_answer(int64_t now) {
  if (memory->answer < 0) return 0;
  int failed = send_echo(memory->answer_pid, memory->answer_fd, memory->answer, now);
  if (!failed) memory->answer = -1;
  return failed;
}

/* clearGap() */
napi_value clear_gap(napi_env env, napi_callback_info info) {
  last_send_ns = now_ns(CLOCK_MONOTONIC);
  gap = false;
  return NULL;
}

/* Whether it was the expected echo of the run, with more to come; then the next bit is sent. */
static bool run_goes_on(int bit, int64_t now, int *failed) {
  if (memory->run_echoed == memory->run_bits - 1 || bit != run_bit(memory->run_echoed)) {
    memory->run_bits = 0;
    return false;
  }
  memory->run_echoed++;
  *failed = send_run(now);
  return true;
}

/* Whether it was a bit that may be echoed here, and was. */
static bool echoed(int bit, int64_t now) {
  int byte = memory->echo_byte | bit << memory->echo_bits;
  bool is_last = memory->echo_bits == 7;
  if (memory->echo_room == 0 || (is_last && byte == 0)) return false;
  if (send_echo(memory->echo_pid, memory->echo_fd, bit, now)) return false;
  memory->echo_byte = is_last ? 0 : byte;
  memory->echo_bits = (memory->echo_bits + 1) % 8;
  if (is_last) {
    memory->echo[memory->echo_bytes++] = (uint8_t)byte;
    memory->echo_room--;
  }
  return true;
}

/* Whether a signal was one of these, so that nothing has to be decided. `failed` says what could not be sent. */
static bool is_routine(int signal, int64_t now, int *failed) {
  int32_t pid = signal >> 1, bit = signal & 1;
  if (memory->run_bits > 0 && pid == memory->run_pid) return run_goes_on(bit, now, failed);
  return pid == memory->echo_pid && echoed(bit, now);
}

/*
 * exchange(microseconds, pidfd): sends what is due, then waits this long for each signal; below 0: only sends.
 * Returns the first signal that is not routine as pid * 2 + bit, or NONE: none came in time; ENDED: the process
 * behind pidfd (-1: none) has ended; MORE: all is well, but JavaScript has not had its turn for SLICE_NS; GAP: there
 * was a pause, and something is still to be sent; UNREACHABLE: a process does not exist, or is not ours: that of the
 * answer, if there is one, otherwise that of the run.
 */
napi_value exchange(napi_env env, napi_callback_info info) {
  int32_t a[2];
  int_args(env, info, 2, a);
  int64_t began = now_ns(CLOCK_MONOTONIC), now = began;
  int result = send_answer(now);
  if (!result) result = send_run(now);
  while (!result && a[0] >= 0) {
    int signal = wait_for_signal(a[0], a[1], now, &memory->nameless);
    now = now_ns(CLOCK_MONOTONIC);
    if (signal <= 0 || !is_routine(signal, now, &result)) {
      part();
      return integer(env, signal);
    }
    if (!result && now - began > SLICE_NS) result = MORE;
  }
  part();
  return integer(env, result);
}

/* The ArrayBuffer of exchange(). The reference keeps it alive. */
napi_value new_memory(napi_env env) {
  napi_value buffer;
  napi_ref kept;
  napi_create_arraybuffer(env, sizeof *memory, (void **)&memory, &buffer);
  napi_create_reference(env, buffer, 1, &kept);
  memset(memory, 0, sizeof *memory);
  memory->answer = -1;
  return buffer;
}
