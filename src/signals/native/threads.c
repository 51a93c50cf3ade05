/* Blocks the two signals in every thread of this process. */
#include "sigmq.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

sigset_t both;
int signal_fd = -1;
bool by_descriptor = false;

/*
 * Runs at most once per thread. Only the thread itself can set its signal mask, and V8's threads run
 * no code of ours: but what this handler leaves in uc_sigmask becomes the thread's mask when it returns
 * (sigaction(2), sigreturn(2)). A real signal that lands here is lost: the kernel does not let a thread queue it
 * again for another one in its sender's name (rt_tgsigqueueinfo(2), EPERM). But nobody knows our PID yet.
 */
static void block_in_this_thread(int sig, siginfo_t *info, void *context) {
  ucontext_t *interrupted = context;
  sigaddset(&interrupted->uc_sigmask, SIGUSR1);
  sigaddset(&interrupted->uc_sigmask, SIGUSR2);
}

/* block(): 0, or an errno. Blocks both signals here and makes nudge_threads() block them elsewhere. */
napi_value block(napi_env env, napi_callback_info info) {
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);
  /* The handler comes first: whoever sees the mask of the main thread may send a signal, and another thread
   * may get it. */
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = block_in_this_thread;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  action.sa_mask = both;
  if (sigaction(SIGUSR1, &action, NULL) || sigaction(SIGUSR2, &action, NULL)) return integer(env, errno);
  int failed = pthread_sigmask(SIG_BLOCK, &both, NULL);
  if (failed) return integer(env, failed);
  if (signal_fd < 0) signal_fd = signalfd(-1, &both, SFD_NONBLOCK | SFD_CLOEXEC);
  /* Signal 0 sends nothing; an older kernel does not know the flag (EINVAL). */
  int self = (int)syscall(PIDFD_OPEN, getpid(), 0);
  by_descriptor = self >= 0 && syscall(PIDFD_SEND_SIGNAL, self, 0, NULL, PIDFD_SIGNAL_THREAD) == 0;
  if (self >= 0) close(self);
  return integer(env, signal_fd < 0 ? errno : 0);
}

/* What getdents64(2) returns. C libraries have different structures of their own. */
struct entry {
  uint64_t inode, offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

/* The mask of blocked signals in /proc/PID/stat, counted from the state, which is field 3 in proc(5). */
enum { BLOCKED_FIELD = 32 - 3 };

/*
 * 1: this thread leaves one of the two signals open; 0: it does not, or has ended; or a negative errno. `stat` has the
 * first 31 signals only, but its length is known: in `status` there may be 65,536 groups before the mask.
 */
static int is_open(int threads, const char *tid) {
  char path[32], stat[2048];
  snprintf(path, sizeof path, "%s/stat", tid);
  int fd = openat(threads, path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
  int failed = size < 0 ? errno : 0;
  if (fd >= 0) close(fd);
  if (failed) return failed == ENOENT || failed == ESRCH ? 0 : -failed;
  stat[size] = 0;
  /* The name is in parentheses, and may have any character in it. */
  const char *field = strrchr(stat, ')');
  for (int n = 0; field && n <= BLOCKED_FIELD; n++) field = strchr(field + 1, ' ');
  uint64_t mask = field ? strtoull(field, NULL, 10) : 0;
  uint64_t wanted = UINT64_C(1) << (SIGUSR1 - 1) | UINT64_C(1) << (SIGUSR2 - 1);
  return (mask & wanted) != wanted;
}

/*
 * nudgeThreads(): makes each thread that leaves one of the two signals open run block_in_this_thread, soon. Returns
 * how many there were, or a negative errno.
 */
napi_value nudge_threads(napi_env env, napi_callback_info info) {
  _Alignas(8) char entries[4096];
  int threads = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (threads < 0) return integer(env, -errno);
  int32_t count = 0;
  int failed = 0;
  long size;
  while (!failed && (size = syscall(SYS_getdents64, threads, entries, sizeof entries)) != 0) {
    if (size < 0) failed = -errno;
    for (long at = 0; !failed && at < size;) {
      struct entry *thread = (struct entry *)(entries + at);
      at += thread->size;
      if (thread->name[0] == '.') continue;
      int open = is_open(threads, thread->name);
      if (open < 0) failed = open;
      else if (open) {
        count++;
        syscall(SYS_tgkill, getpid(), atoi(thread->name), SIGUSR2);
      }
    }
  }
  close(threads);
  return integer(env, failed ? failed : count);
}
