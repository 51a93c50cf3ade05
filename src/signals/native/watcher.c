/* Descriptors that the event loop looks at, the two signals among them. */
#include "sigmq.h"
#include <stdlib.h>
#include <unistd.h>

/* libuv, by hand: uv.h is not part of Node-API's headers; these signatures are stable since 1.0. */
typedef struct uv_loop_s uv_loop_t;
typedef void (*uv_poll_cb)(void *handle, int status, int events);
extern int uv_poll_init(uv_loop_t *loop, void *handle, int fd);
extern int uv_poll_start(void *handle, int events, uv_poll_cb cb);
extern int uv_poll_stop(void *handle);
extern void uv_close(void *handle, void (*closed)(void *));
extern size_t uv_handle_size(int type);
extern void *uv_handle_get_data(const void *handle);
extern void uv_handle_set_data(void *handle, void *data);
extern void uv_unref(void *handle);
enum { UV_POLL_TYPE = 8, UV_READABLE_EVENT = 1 }; /* uv.h: UV_HANDLE_TYPE_MAP, uv_poll_event */

struct watcher {
  napi_env env;
  napi_ref callback;
  int fd;
  void *handle;
};

static void call_back(void *handle, int status, int events) {
  struct watcher *w = uv_handle_get_data(handle);
  napi_handle_scope scope;
  napi_value callback, global;
  napi_open_handle_scope(w->env, &scope);
  napi_get_reference_value(w->env, w->callback, &callback);
  napi_get_global(w->env, &global);
  napi_make_callback(w->env, NULL, global, callback, 0, NULL, NULL);
  bool thrown = false;
  napi_is_exception_pending(w->env, &thrown);
  if (thrown) {
    napi_value error;
    napi_get_and_clear_last_exception(w->env, &error);
    napi_fatal_exception(w->env, error);
  }
  napi_close_handle_scope(w->env, scope);
}

static void free_watcher(void *handle) {
  struct watcher *w = uv_handle_get_data(handle);
  if (w->fd >= 0) close(w->fd);
  free(w);
  free(handle);
}

/* watch(fd, callback, keepAlive): calls back whenever fd is readable. fd -1: the two signals. */
napi_value watch(napi_env env, napi_callback_info info) {
  napi_value args[3], result;
  size_t count = 3;
  int32_t fd = -1;
  bool keep_alive = false;
  uv_loop_t *loop;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  napi_get_value_int32(env, args[0], &fd);
  napi_get_value_bool(env, args[2], &keep_alive);
  napi_get_uv_event_loop(env, &loop);
  struct watcher *w = calloc(1, sizeof *w);
  void *handle = calloc(1, uv_handle_size(UV_POLL_TYPE));
  if (!w || !handle || uv_poll_init(loop, handle, fd >= 0 ? fd : signal_fd)) {
    free(handle);
    free(w);
    if (fd >= 0) close(fd);
    napi_throw_error(env, "watch", "sigmq: cannot watch a file descriptor");
    return NULL;
  }
  w->env = env;
  w->fd = fd;
  w->handle = handle;
  uv_handle_set_data(handle, w);
  napi_create_reference(env, args[1], 1, &w->callback);
  uv_poll_start(handle, UV_READABLE_EVENT, call_back);
  if (!keep_alive) uv_unref(handle);
  napi_create_external(env, w, NULL, NULL, &result);
  return result;
}

/*
 * arm(watcher, on): whether the event loop looks at it. A signalfd in an epoll set costs every signal
 * that arrives some 300 ns, so it is off while signals are taken by exchange().
 */
napi_value arm(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2;
  struct watcher *w;
  bool on = false;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (napi_get_value_external(env, args[0], (void **)&w) != napi_ok) return NULL;
  napi_get_value_bool(env, args[1], &on);
  if (on) uv_poll_start(w->handle, UV_READABLE_EVENT, call_back);
  else uv_poll_stop(w->handle);
  return NULL;
}

/* unwatch(watcher): once; closes a descriptor that was given to watch(). */
napi_value unwatch(napi_env env, napi_callback_info info) {
  napi_value arg;
  size_t count = 1;
  struct watcher *w;
  napi_get_cb_info(env, info, &count, &arg, NULL, NULL);
  if (napi_get_value_external(env, arg, (void **)&w) != napi_ok) return NULL;
  napi_delete_reference(env, w->callback);
  uv_close(w->handle, free_watcher);
  return NULL;
}
