/*
 * Packs bytes into what a model does not guess of them, by arithmetic coding, and back: a byte at a time, so that it
 * can be done in the pauses of the wire.
 */
#include "guess.h"
#include "sigmq.h"

/* The jobs that there can be, one of each at a time; JavaScript has the same numbers (signals/addon.ts). */
enum { PACKING, UNPACKING, JOBS };
/* Each bit of a byte takes 12 bits at most, and four bytes are read ahead. */
enum { LONGEST_CODE = 16 };
/* Bytes of a text for which there is time between two looks for a signal: some 0.3 µs. */
enum { BYTES_A_PAUSE = 2 };

typedef struct {
  uint8_t *bytes;
  size_t length, at;
} Bytes;

typedef struct {
  Model *model;
  /* To be unpacked: those that have come so far, of `most`. */
  Bytes in;
  size_t most;
  Bytes out;
  uint32_t low, high, number;
  /* No more of `in` will come: zeros follow. */
  bool is_whole;
  bool has_failed;
  /* What keeps the memory of model, in and out. */
  napi_ref kept[3];
} Job;

static Job jobs[JOBS];

/* The part of the range that stands for a 1 begins with it. */
static inline uint32_t split(uint32_t low, uint32_t high, uint32_t likely) {
  return low + (uint32_t)((uint64_t)(high - low) * likely >> 12);
}

static bool put(Bytes *out, uint32_t byte) {
  if (out->at == out->length) return false;
  out->bytes[out->at++] = (uint8_t)byte;
  return true;
}

static uint32_t next(Bytes *in) {
  return in->at < in->length ? in->bytes[in->at++] : 0;
}

static void pack_byte(Job *j) {
  Byte b;
  uint32_t low = j->low, high = j->high, c = j->in.bytes[j->in.at++];
  begin_byte(&b, j->model);
  for (uint32_t n = 0; n < 8; n++) {
    uint32_t bit = c >> (7 - n) & 1u, middle = split(low, high, predict(&b, n));
    if (bit) high = middle;
    else low = middle + 1;
    update(&b, bit);
    for (; (low ^ high) < 1u << 24; low <<= 8, high = high << 8 | 255)
      if (!put(&j->out, high >> 24)) j->has_failed = true;
  }
  end_byte(j->model, c);
  j->low = low;
  j->high = high;
}

/* As few bytes as tell a number within the range: zeros follow. */
static void end_packing(Job *j) {
  for (uint32_t sent = 0, mask = UINT32_MAX; sent < j->low && !j->has_failed;) {
    mask >>= 8;
    sent = j->high & ~mask;
    uint32_t byte = mask == 0 ? j->high : sent >> (mask >= 1u << 16 ? 24 : mask >= 1u << 8 ? 16 : 8);
    if (!put(&j->out, byte)) j->has_failed = true;
  }
}

static void unpack_byte(Job *j) {
  Byte b;
  uint32_t low = j->low, high = j->high, number = j->number;
  begin_byte(&b, j->model);
  for (uint32_t n = 0; n < 8; n++) {
    uint32_t middle = split(low, high, predict(&b, n)), bit = number <= middle;
    if (bit) high = middle;
    else low = middle + 1;
    update(&b, bit);
    for (; (low ^ high) < 1u << 24; low <<= 8, high = high << 8 | 255) number = number << 8 | next(&j->in);
  }
  put(&j->out, b.bits & 255);
  end_byte(j->model, b.bits & 255);
  j->low = low;
  j->high = high;
  j->number = number;
}

static bool may_pack(const Job *j) {
  return j->model && j->in.at < j->in.length && !j->has_failed;
}

static bool may_unpack(const Job *j) {
  return j->model && j->out.at < j->out.length && (j->is_whole || j->in.length - j->in.at >= LONGEST_CODE);
}

static void unpack_next(Job *j) {
  if (j->out.at == 0)
    for (int n = 0; n < 4; n++) j->number = j->number << 8 | next(&j->in);
  unpack_byte(j);
}

bool work_in_pause(void) {
  Job *packing = &jobs[PACKING], *unpacking = &jobs[UNPACKING];
  int done = 0;
  for (; done < BYTES_A_PAUSE && may_unpack(unpacking); done++) unpack_next(unpacking);
  for (; done < BYTES_A_PAUSE && may_pack(packing); done++) pack_byte(packing);
  return done > 0;
}

static void drop(napi_env env, Job *j) {
  for (int i = 0; i < 3; i++)
    if (j->kept[i]) napi_delete_reference(env, j->kept[i]);
  memset(j, 0, sizeof *j);
}

static bool bytes_of(napi_env env, napi_value value, Bytes *out) {
  napi_typedarray_type type;
  void *data;
  bool is_array = false;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return false;
  if (napi_get_typedarray_info(env, value, &type, &out->length, &data, NULL, NULL) != napi_ok) return false;
  out->bytes = data;
  out->at = 0;
  return type == napi_uint8_array;
}

/* The job that a call names first. */
static Job *job_of(napi_env env, napi_value which) {
  int32_t n = -1;
  napi_get_value_int32(env, which, &n);
  return n == PACKING || n == UNPACKING ? &jobs[n] : NULL;
}

/*
 * beginCoding(job, model, bytes, room): in place of what is under way. What is to be unpacked need not be in `bytes`
 * yet: see feed(). -1: that is no job, or no model.
 */
napi_value begin_coding(napi_env env, napi_callback_info info) {
  napi_value args[4];
  size_t count = 4;
  Bytes model, in, out;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Job *j = count == 4 ? job_of(env, args[0]) : NULL;
  if (!j) return integer(env, -1);
  drop(env, j);
  if (!bytes_of(env, args[1], &model) || !bytes_of(env, args[2], &in) || !bytes_of(env, args[3], &out))
    return integer(env, -1);
  if (model.length != sizeof(Model) || (uintptr_t)model.bytes % _Alignof(Model) != 0) return integer(env, -1);
  for (int i = 0; i < 3; i++) napi_create_reference(env, args[i + 1], 1, &j->kept[i]);
  j->model = (Model *)(void *)model.bytes;
  j->in = in;
  j->most = in.length;
  j->out = out;
  j->high = UINT32_MAX;
  if (j == &jobs[UNPACKING]) j->in.length = 0;
  begin_text(j->model);
  return integer(env, 0);
}

/* feedCoding(bytes): so many bytes of what is to be unpacked are there by now. */
napi_value feed_coding(napi_env env, napi_callback_info info) {
  int32_t bytes;
  int_args(env, info, 1, &bytes);
  Job *j = &jobs[UNPACKING];
  if (bytes >= 0) j->in.length = (size_t)bytes < j->most ? (size_t)bytes : j->most;
  return NULL;
}

/* endCoding(job): does the rest. Bytes of `room` that are filled; -1: it is too small, or there is no such job. */
napi_value end_coding(napi_env env, napi_callback_info info) {
  napi_value which;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &which, NULL, NULL);
  Job *j = count == 1 ? job_of(env, which) : NULL;
  if (!j || !j->model) return integer(env, -1);
  if (j == &jobs[PACKING]) {
    while (may_pack(j)) pack_byte(j);
    end_packing(j);
  } else {
    j->is_whole = true;
    while (may_unpack(j)) unpack_next(j);
  }
  int32_t filled = j->has_failed ? -1 : (int32_t)j->out.at;
  drop(env, j);
  return integer(env, filled);
}

/* dropCoding(job): nobody wants it any more. The model has learned who knows what. */
napi_value drop_coding(napi_env env, napi_callback_info info) {
  napi_value which;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &which, NULL, NULL);
  Job *j = count == 1 ? job_of(env, which) : NULL;
  if (j) drop(env, j);
  return NULL;
}

napi_value model_bytes(napi_env env) {
  return integer(env, (int32_t)sizeof(Model));
}
