/*
 * The bare limit: how fast two processes can pass bits by signals with an echo per bit, when nothing but
 * C stands between them and the kernel. All other figures are read against this one.
 *
 *   cc -O2 -o yardstick yardstick.c
 *   ./yardstick [BITS] [--direct] [--storm N]
 *
 * BITS      bits that count, after a warm-up of a tenth of them; 400000 unless told
 * --direct  bits and echoes by tgkill(pid, pid, signal) instead of kill(pid, signal)
 * --storm N N further processes send SIGUSR1 to the receiver by kill(2) at full speed (1 to 8)
 *
 * Both signals are blocked and taken with sigtimedwait: polled while a transfer is moving, slept on
 * after POLLS empty polls. Prints one line of JSON: bits, us_per_bit, bits_per_s, swallowed (no echo
 * after PATIENCE, not taken and not pending any more: sent again), late (no echo after PATIENCE, because
 * the receiver had no CPU or the kernel gave it other signals first). A receiver that loses its CPU
 * between taking a bit and counting it makes a swallowed one of a late one: 0 to 2 a run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLLS = 200, PATIENCE_NS = 2000000, MAX_STORMS = 8 };

static sigset_t both;
static int direct, stormy;
/* Bits that the receiver took from the sender. Only for telling a swallowed bit from a late one. */
static volatile uint64_t *taken;

static void send_bit(pid_t to, int signal) {
  if (direct)
    syscall(SYS_tgkill, to, to, signal);
  else
    kill(to, signal);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/*
 * The next signal from `from`; 0 when none has come after `patience` nanoseconds. Others' are dropped.
 * The clock is read between polls, because a yield to a busy program can cost milliseconds.
 */
static int wait_bit(pid_t from, int64_t patience) {
  const int64_t end = now_ns() + patience;
  struct timespec sleep = {0, 0};
  siginfo_t info;
  for (int polls = 0;;) {
    const int signal = sigtimedwait(&both, &info, &sleep);
    if (signal > 0 && info.si_pid == from) return signal;
    if (signal > 0 || errno == EINTR) continue;
    const int64_t left = end - now_ns();
    if (left <= 0) return 0;
    if (++polls < POLLS) {
      sched_yield();
    } else {
      sleep.tv_sec = left / 1000000000;
      sleep.tv_nsec = left % 1000000000;
    }
  }
}

/* A child that ends with its parent, so that no storm outlives the receiver that it is for. */
static pid_t child_of(pid_t parent) {
  const pid_t pid = fork();
  if (pid < 0) {
    perror("yardstick: fork");
    exit(1);
  }
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
  }
  return pid;
}

static void echo_for_ever(pid_t sender) {
  for (;;) {
    const int signal = wait_bit(sender, INT64_C(1000000000));
    if (!signal) continue;
    ++*taken;
    send_bit(sender, signal);
  }
}

static void storm_for_ever(pid_t target) {
  while (kill(target, SIGUSR1) == 0) continue;
  _exit(0);
}

/*
 * Whether our bit still waits for the receiver, by the signal sets in /proc/PID/status. A pending SIGUSR1
 * may be the storm's: then it counts as swallowed, and sending it again does no harm if it was ours.
 */
static int still_pending(pid_t receiver, int signal) {
  if (stormy && !direct && signal == SIGUSR1) return 0;
  char path[32], line[128];
  unsigned long long set = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)receiver);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file) && !sscanf(line, direct ? "SigPnd: %llx" : "ShdPnd: %llx", &set))
    continue;
  fclose(file);
  return set >> (signal - 1) & 1;
}

struct tally {
  long swallowed, late;
};

/* Sends `bits` random bits, each after the echo of the one before. */
static void transfer(pid_t receiver, long bits, struct tally *tally) {
  static uint32_t random = 2463534242u;
  for (long bit = 0; bit < bits; bit++) {
    random ^= random << 13, random ^= random >> 17, random ^= random << 5; /* xorshift32 */
    const int signal = random & 1 ? SIGUSR2 : SIGUSR1;
    const uint64_t before = *taken;
    int echo, waited = 0;
    send_bit(receiver, signal);
    while ((echo = wait_bit(receiver, PATIENCE_NS)) != signal) {
      if (echo) continue; /* the echo of a bit that was sent twice */
      /* Pending first: a bit that is taken between the two looks shows in the second. */
      if (still_pending(receiver, signal) || *taken != before) {
        tally->late += !waited;
        waited = 1;
        continue;
      }
      tally->swallowed++;
      send_bit(receiver, signal);
    }
  }
}

int main(int argc, char **argv) {
  long bits = 400000, storms = 0;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--direct"))
      direct = 1;
    else if (!strcmp(argv[i], "--storm") && i + 1 < argc)
      storms = strtol(argv[++i], NULL, 10);
    else
      bits = strtol(argv[i], NULL, 10);
  }
  if (bits < 1 || storms < 0 || storms > MAX_STORMS) {
    fprintf(stderr, "usage: yardstick [BITS] [--direct] [--storm N], N at most %d\n", MAX_STORMS);
    return 64;
  }
  taken = mmap(NULL, sizeof *taken, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  stormy = storms > 0;
  if (taken == MAP_FAILED) return perror("yardstick: mmap"), 1;
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);
  sigprocmask(SIG_BLOCK, &both, NULL); /* before the fork: the child must never be without it */

  const pid_t self = getpid();
  const pid_t receiver = child_of(self);
  if (receiver == 0) echo_for_ever(self);
  pid_t storm[MAX_STORMS];
  for (long i = 0; i < storms; i++)
    if ((storm[i] = child_of(self)) == 0) storm_for_ever(receiver);

  struct tally warm_up = {0}, tally = {0};
  transfer(receiver, bits / 10 + 1, &warm_up);
  const int64_t start = now_ns();
  transfer(receiver, bits, &tally);
  const double seconds = (now_ns() - start) / 1e9;

  for (long i = 0; i < storms; i++) kill(storm[i], SIGKILL), waitpid(storm[i], NULL, 0);
  kill(receiver, SIGKILL);
  waitpid(receiver, NULL, 0);
  printf("{\"bits\":%ld,\"us_per_bit\":%.3f,\"bits_per_s\":%.0f,\"swallowed\":%ld,\"late\":%ld}\n", bits,
         seconds / bits * 1e6, bits / seconds, tally.swallowed, tally.late);
  return 0;
}
