/* Opens and locks things: one system call each. And what is exported. */
#include "sigmq.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* pidfd(pid): a descriptor that becomes readable when the process ends, or -1 (Linux < 5.3, gone). */
static napi_value open_pidfd(napi_env env, napi_callback_info info) {
  int32_t pid;
  int_args(env, info, 1, &pid);
  return integer(env, (int32_t)syscall(PIDFD_OPEN, pid, 0));
}

/* signal(pidfd, bit): like kill(2), to the process that the descriptor refers to. 0 or an errno. */
static napi_value signal_process(napi_env env, napi_callback_info info) {
  int32_t a[2];
  int_args(env, info, 2, a);
  return integer(env, syscall(PIDFD_SEND_SIGNAL, a[0], a[1] ? SIGUSR2 : SIGUSR1, NULL, 0) ? errno : 0);
}

/* writable(fd, ms): 1 when a write of up to PIPE_BUF bytes would not block, now or within so many milliseconds. */
static napi_value writable(napi_env env, napi_callback_info info) {
  int32_t a[2];
  int_args(env, info, 2, a);
  struct pollfd p = {a[0], POLLOUT, 0};
  return integer(env, poll(&p, 1, a[1]) == 1 && (p.revents & POLLOUT) != 0);
}

/* lock(fd, offset, on): open-file-description lock on one byte, no waiting. 0 or an errno. */
static napi_value lock_byte(napi_env env, napi_callback_info info) {
  int32_t a[3];
  int_args(env, info, 3, a);
  struct flock range;
  memset(&range, 0, sizeof range); /* l_pid must be 0 for F_OFD_SETLK (fcntl(2)) */
  range.l_type = a[2] ? F_WRLCK : F_UNLCK;
  range.l_whence = SEEK_SET;
  range.l_start = (uint32_t)a[1];
  range.l_len = 1;
  return integer(env, fcntl(a[0], F_OFD_SETLK, &range) ? errno : 0);
}

/* shareLock(fd): a shared lock of flock(2) until the descriptor is closed, no waiting. 0 or an errno. */
static napi_value share_lock(napi_env env, napi_callback_info info) {
  int32_t fd;
  int_args(env, info, 1, &fd);
  return integer(env, flock(fd, LOCK_SH | LOCK_NB) ? errno : 0);
}

/*
 * openFiles(soft): sets how many descriptors this process, and a child that it starts, may have open. Returns the
 * limit before, or -1.
 */
static napi_value open_files(napi_env env, napi_callback_info info) {
  int32_t soft;
  int_args(env, info, 1, &soft);
  struct rlimit before, limit;
  /* By system call, because C libraries have different names for limits of 64 bits. */
  if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &before)) return integer(env, -1);
  limit = before;
  limit.rlim_cur = (rlim_t)soft;
  if (soft < 0 || syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL)) return integer(env, -1);
  return integer(env, before.rlim_cur > INT32_MAX ? INT32_MAX : (int32_t)before.rlim_cur);
}

/* seekBack(fd, bytes): 0 or an errno. */
static napi_value seek_back(napi_env env, napi_callback_info info) {
  int32_t a[2];
  int_args(env, info, 2, a);
  return integer(env, lseek(a[0], -(off_t)a[1], SEEK_CUR) < 0 ? errno : 0);
}

/* pipe(): its two ends, [to read, to write], or undefined. Node gives children sockets, which cannot be opened again. */
static napi_value new_pipe(napi_env env, napi_callback_info info) {
  int ends[2];
  napi_value both_ends;
  if (pipe2(ends, O_CLOEXEC)) {
    napi_get_undefined(env, &both_ends);
    return both_ends;
  }
  napi_create_array_with_length(env, 2, &both_ends);
  for (uint32_t n = 0; n < 2; n++) napi_set_element(env, both_ends, n, integer(env, ends[n]));
  return both_ends;
}

/* monotonic(): milliseconds of CLOCK_MONOTONIC, the same for every process of the machine. */
static napi_value monotonic(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_double(env, (double)now_ns(CLOCK_MONOTONIC) / 1e6, &result);
  return result;
}

/* watchFile(path): a descriptor that becomes readable when anything happens to the file, or -1. */
static napi_value watch_file(napi_env env, napi_callback_info info) {
  char path[PATH_MAX];
  size_t given = 1, size;
  napi_value arg;
  napi_get_cb_info(env, info, &given, &arg, NULL, NULL);
  if (napi_get_value_string_utf8(env, arg, path, sizeof path, &size) != napi_ok) return integer(env, -1);
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0 || inotify_add_watch(fd, path, IN_ATTRIB | IN_MODIFY | IN_DELETE_SELF) >= 0) return integer(env, fd);
  close(fd);
  return integer(env, -1);
}

/* awaitChange(fd, ms): waits so long, unless something happens to the file of watchFile(). 1 if it did; -1: just waits. */
static napi_value await_change(napi_env env, napi_callback_info info) {
  int32_t a[2];
  int_args(env, info, 2, a);
  char events[1024];
  struct pollfd p = {a[0], POLLIN, 0};
  bool changed = poll(&p, 1, a[1]) == 1;
  while (changed && read(a[0], events, sizeof events) > 0);
  return integer(env, changed);
}

/* exit(code): ends this process at once. Node would take a millisecond to tidy up what nobody needs any more. */
static napi_value exit_at_once(napi_env env, napi_callback_info info) {
  int32_t code;
  int_args(env, info, 1, &code);
  _exit(code);
}

static void export(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value);
  napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT() {
  /* The static variables belong to one thread: the one whose ID is the PID, to which bits are sent. */
  if (syscall(SYS_gettid) != getpid()) {
    napi_throw_error(env, "thread", "sigmq: the addon is for the main thread");
    return exports;
  }
  napi_value layout;
  napi_create_string_latin1(env, LAYOUT, NAPI_AUTO_LENGTH, &layout);
  napi_set_named_property(env, exports, "layout", layout);
  napi_set_named_property(env, exports, "memory", new_memory(env));
  napi_set_named_property(env, exports, "modelBytes", model_bytes(env));
  export(env, exports, "beginCoding", begin_coding);
  export(env, exports, "feedCoding", feed_coding);
  export(env, exports, "endCoding", end_coding);
  export(env, exports, "dropCoding", drop_coding);
  export(env, exports, "block", block);
  export(env, exports, "nudgeThreads", nudge_threads);
  export(env, exports, "clearGap", clear_gap);
  export(env, exports, "exchange", exchange);
  export(env, exports, "pidfd", open_pidfd);
  export(env, exports, "signal", signal_process);
  export(env, exports, "writable", writable);
  export(env, exports, "lock", lock_byte);
  export(env, exports, "shareLock", share_lock);
  export(env, exports, "openFiles", open_files);
  export(env, exports, "seekBack", seek_back);
  export(env, exports, "pipe", new_pipe);
  export(env, exports, "monotonic", monotonic);
  export(env, exports, "watchFile", watch_file);
  export(env, exports, "awaitChange", await_change);
  export(env, exports, "exit", exit_at_once);
  export(env, exports, "watch", watch);
  export(env, exports, "arm", arm);
  export(env, exports, "unwatch", unwatch);
  return exports;
}
