/* Waits for the next signal of a frame, and takes it with its sender's PID. */
#include "sigmq.h"
#include "wait.h"
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A yield that takes longer than this gave the time slice to another program: then polling is slower than
 * sleeping (a slice is 1-4 ms; an undisturbed yield takes well under 1 µs). */
static const int64_t EXPENSIVE_YIELD_NS = 50 * 1000;
/* Empty polls (about 200 µs) before sleeping: longer than a peer needs for one bit, and usually longer than a
 * broker needs from one delivery to the next. Waking a sleeper costs 50 to 100 µs. */
static const int MAX_EMPTY_POLLS = 400;
/* Polls after which the peer is at work, and we can be, too. */
enum { LONG_WAIT = 16 };
/* After an expensive yield this many waits sleep at once before polling is tried again: twice as many as
 * last time, because a program that wakes up now and then costs little, and a busy one much. CHEAP_WAITS
 * cheap waits in a row bring it back to the start. */
enum { MIN_SLEEPS = 2, MAX_SLEEPS = 64, CHEAP_WAITS = 64 };
/* From here on every CPU counts as busy: a process sleeps on the CPU where all of sigmq meet (see meet()). */
enum { BUSY_SLEEPS = 32 };
/* Words of a CPU mask, for 1024 CPUs; on a machine with more of them nobody meets. */
enum { MASK_WORDS = 1024 / (8 * sizeof(unsigned long)) };

/* After this many signals without a sender JavaScript gets its turn: a storm of them must not keep it waiting. */
enum { MAX_NOBODY = 64 };

static int sleeps_left = 0;
static int next_sleeps = MIN_SLEEPS;
static int cheap_waits = 0;

/*
 * The next pending signal, as pid * 2 + bit; 0: there is none. si_pid is supplied by the kernel for kill and tgkill
 * only: sigqueue lets its caller write any PID there, and in a signal of a timer it is something else
 * (sigaction(2)). It is 0 if the sender is outside our PID namespace, or if the kernel had no room for it:
 * a tgkill counts against RLIMIT_SIGPENDING (kernel/signal.c, __send_signal_locked). Then there is nobody to
 * answer, and the signal counts as neither bit.
 */
static int take(int32_t *nameless) {
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
    ++*nameless;
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

void part(void) {
  if (own_bytes > 0) syscall(SYS_sched_setaffinity, 0, own_bytes, own_cpus);
  own_bytes = 0;
}

/*
 * The next signal within this many microseconds. Polls while that pays off, sleeps otherwise. `before` is the time
 * a moment ago: asking for it twice per bit would cost noticeably.
 */
int wait_for_signal(int32_t microseconds, int32_t pidfd, int64_t before, int32_t *nameless) {
  int result = take(nameless);
  if (result == 0 && microseconds > 0 && work_in_pause()) result = take(nameless);
  if (result == 0 && microseconds > 0) {
    int64_t deadline = before + (int64_t)microseconds * 1000;
    if (sleeps_left > 0) {
      sleeps_left--;
    } else {
      /* A yield between any two polls: each takes the lock that the peer needs to send (siglock), and
       * without a pause the two slow each other down. */
      for (int i = 0; i < MAX_EMPTY_POLLS; i++) {
        if (i < LONG_WAIT || !work_in_pause()) sched_yield();
        else i--;
        int64_t after = now_ns(CLOCK_MONOTONIC);
        bool expensive = after - before > EXPENSIVE_YIELD_NS;
        if (expensive) {
          after_expensive_yield();
          cheap_waits = -1;
        }
        if ((result = take(nameless)) || after > deadline) goto done;
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
      result = take(nameless);
      if (result == 0 && fds[1].revents) result = ENDED;
    }
  }
done:
  if (++cheap_waits > CHEAP_WAITS) next_sleeps = MIN_SLEEPS;
  return result;
}
