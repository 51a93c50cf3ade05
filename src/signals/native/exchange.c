/*
 * The signals of frames: takes them with their sender's PID, sends them to the main thread of a peer, waits for
 * them, and handles the routine part of a frame.
 */
#include "sigmq.h"
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A yield that takes longer than this gave the time slice to another program: then polling is slower than
 * sleeping (a slice is 1-4 ms; an undisturbed yield takes well under 1 µs). */
static const int64_t EXPENSIVE_YIELD_NS = 50 * 1000;
/* Empty polls (about 200 µs) before sleeping: longer than a peer needs for one bit, and usually longer than a
 * broker needs from one delivery to the next. Waking a sleeper costs 50 to 100 µs. */
static const int MAX_EMPTY_POLLS = 400;
/* After an expensive yield this many waits sleep at once before polling is tried again: twice as many as
 * last time, because a program that wakes up now and then costs little, and a busy one much. CHEAP_WAITS
 * cheap waits in a row bring it back to the start. */
enum { MIN_SLEEPS = 2, MAX_SLEEPS = 64, CHEAP_WAITS = 64 };
/* From here on every CPU counts as busy: a process sleeps on the CPU where all of sigmq meet (see meet()). */
enum { BUSY_SLEEPS = 32 };
/* Words of a CPU mask, for 1024 CPUs; on a machine with more of them nobody meets. */
enum { MASK_WORDS = 1024 / (8 * sizeof(unsigned long)) };
/*
 * After a pause of this length between two sends the world may have changed: the bus may be lost
 * (docs/protocol.md, section 5; that takes 100 ms at least), and the PID that we are about to signal may
 * name another process (section 2; that takes a kill, a wait and a fork).
 */
static const int64_t GAP_NS = 1000 * 1000;
/* Even if all is well, a frame returns to JavaScript after this time. */
static const int64_t SLICE_NS = 5000 * 1000;

/* After this many signals without a sender JavaScript gets its turn: a storm of them must not keep it waiting. */
enum { MAX_NOBODY = 64 };

static int sleeps_left = 0;
static int next_sleeps = MIN_SLEEPS;
static int cheap_waits = 0;
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
  /* Signals that came without their sender; see take(). */ \
  FIELD(nameless)

#define DECLARED(name) int32_t name;
#define NAMED(name) #name " "

enum { BLOCK = 64 };
static struct {
  FIELDS(DECLARED)
  uint8_t run[BLOCK], echo[BLOCK];
} *memory;

const char LAYOUT[] = FIELDS(NAMED) "run echo";

/* What exchange() returns other than a signal. */
enum { NONE = 0, ENDED = -1, MORE = -2, GAP = -3, UNREACHABLE = -4 };

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

/*
 * The next pending signal, as pid * 2 + bit; 0: there is none. si_pid is supplied by the kernel for kill and tgkill
 * only: sigqueue lets its caller write any PID there, and in a signal of a timer it is something else
 * (sigaction(2)). It is 0 if the sender is outside our PID namespace, or if the kernel had no room for it:
 * a tgkill counts against RLIMIT_SIGPENDING (kernel/signal.c, __send_signal_locked). Then there is nobody to
 * answer, and the signal counts as neither bit.
 */
static int take(void) {
  static const struct timespec zero = {0, 0};
  siginfo_t info;
  int sig;
  for (int nobody = 0; nobody < MAX_NOBODY; nobody++) {
    /* Not with sigtimedwait(3), which is a cancellation point: in a process with threads that costs a tenth of
     * the call. 8: size of the kernel's sigset_t in bytes. */
    sig = (int)syscall(SYS_rt_sigtimedwait, &both, &info, &zero, 8);
    if (sig < 0) return 0;
    if (info.si_code != SI_USER && info.si_code != SI_TKILL) continue;
    if (info.si_pid != 0) return info.si_pid * 2 + (sig == SIGUSR2);
    memory->nameless++;
  }
  return 0;
}

static void after_expensive_yield(void) {
  sleeps_left = next_sleeps;
  next_sleeps = next_sleeps * 2 > MAX_SLEEPS ? MAX_SLEEPS : next_sleeps * 2;
}

/*
 * If other programs occupy every CPU, waking a peer on another CPU takes some 50 µs, while a peer that waits on
 * this CPU is next when we go to sleep. So both move to the lowest CPU that they may use, for one exchange(): a
 * child that is started between two of them does not inherit the mask. By system call, because glibc has several
 * versions of sched_setaffinity(3).
 */
static unsigned long own_cpus[MASK_WORDS];
static long own_bytes = 0;

static void meet(void) {
  if (own_bytes > 0) return;
  own_bytes = syscall(SYS_sched_getaffinity, 0, sizeof own_cpus, own_cpus);
  unsigned long lowest[MASK_WORDS] = {0};
  int word = 0;
  while (word < MASK_WORDS - 1 && own_cpus[word] == 0) word++;
  lowest[word] = own_cpus[word] & -own_cpus[word];
  if (own_bytes > 0 && syscall(SYS_sched_setaffinity, 0, own_bytes, lowest)) own_bytes = 0;
}

static void part(void) {
  if (own_bytes > 0) syscall(SYS_sched_setaffinity, 0, own_bytes, own_cpus);
  own_bytes = 0;
}

/*
 * The next signal within this many microseconds. Polls while that pays off, sleeps otherwise. `before` is the time
 * a moment ago: asking for it twice per bit would cost noticeably.
 */
static int wait_for_signal(int32_t microseconds, int32_t pidfd, int64_t before) {
  int result = take();
  if (result == 0 && microseconds > 0) {
    int64_t deadline = before + (int64_t)microseconds * 1000;
    if (sleeps_left > 0) {
      sleeps_left--;
    } else {
      /* A yield between any two polls: each takes the lock that the peer needs to send (siglock), and
       * without a pause the two slow each other down. */
      for (int i = 0; i < MAX_EMPTY_POLLS; i++) {
        sched_yield();
        int64_t after = now_ns(CLOCK_MONOTONIC);
        bool expensive = after - before > EXPENSIVE_YIELD_NS;
        if (expensive) {
          after_expensive_yield();
          cheap_waits = -1;
        }
        if ((result = take()) || after > deadline) goto done;
        if (expensive) break;
        before = after;
      }
    }
    cheap_waits = 0;
    if (next_sleeps >= BUSY_SLEEPS) meet();
    int64_t left = deadline - now_ns(CLOCK_MONOTONIC);
    struct pollfd fds[2] = {{signal_fd, POLLIN, 0}, {pidfd, POLLIN, 0}};
    struct timespec timeout = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
    int ready = ppoll(fds, pidfd >= 0 ? 2 : 1, &timeout, NULL);
    if (ready > 0) {
      result = take();
      if (result == 0 && fds[1].revents) result = ENDED;
    }
  }
done:
  if (++cheap_waits > CHEAP_WAITS) next_sleeps = MIN_SLEEPS;
  return result;
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
    int signal = wait_for_signal(a[0], a[1], now);
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
