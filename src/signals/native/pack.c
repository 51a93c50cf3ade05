/* Packs bytes into what a model does not guess of them, by arithmetic coding, and back. */
#include "guess.h"
#include "sigmq.h"

/* The part of the range that stands for a 1 begins with it. */
static inline uint32_t split(uint32_t low, uint32_t high, uint32_t likely) {
  return low + (uint32_t)((uint64_t)(high - low) * likely >> 12);
}

/* Bytes written; -1: there was no room. */
static int32_t pack_bytes(Model *m, const uint8_t *in, size_t size, uint8_t *out, size_t room) {
  Byte b;
  uint32_t low = 0, high = UINT32_MAX;
  begin_text(m);
  size_t done = 0;
  for (size_t i = 0; i < size; i++) {
    begin_byte(&b, m);
    for (uint32_t n = 0; n < 8; n++) {
      uint32_t bit = in[i] >> (7 - n) & 1u, middle = split(low, high, predict(&b, n));
      if (bit) high = middle;
      else low = middle + 1;
      update(&b, bit);
      for (; (low ^ high) < 1u << 24; low <<= 8, high = high << 8 | 255) {
        if (done == room) return -1;
        out[done++] = (uint8_t)(high >> 24);
      }
    }
    end_byte(m, in[i]);
  }
  /* As few bytes as tell a number within the range: zeros follow. */
  for (uint32_t sent = 0, mask = UINT32_MAX; sent < low;) {
    mask >>= 8;
    sent = high & ~mask;
    if (done == room) return -1;
    out[done++] = (uint8_t)(mask == 0 ? high : sent >> (mask >= 1u << 16 ? 24 : mask >= 1u << 8 ? 16 : 8));
  }
  return (int32_t)done;
}

static void unpack_bytes(Model *m, const uint8_t *in, size_t size, uint8_t *out, size_t length) {
  Byte b;
  uint32_t low = 0, high = UINT32_MAX, number = 0;
  size_t done = 0;
  begin_text(m);
  for (; done < 4; done++) number = number << 8 | (done < size ? in[done] : 0);
  for (size_t i = 0; i < length; i++) {
    begin_byte(&b, m);
    for (uint32_t n = 0; n < 8; n++) {
      uint32_t middle = split(low, high, predict(&b, n)), bit = number <= middle;
      if (bit) high = middle;
      else low = middle + 1;
      update(&b, bit);
      for (; (low ^ high) < 1u << 24; low <<= 8, high = high << 8 | 255, done++)
        number = number << 8 | (done < size ? in[done] : 0);
    }
    out[i] = (uint8_t)b.bits;
    end_byte(m, out[i]);
  }
}

typedef struct {
  uint8_t *bytes;
  size_t length;
} Bytes;

/* The three Uint8Arrays of a call; false: they are not, or the first is no model. */
static bool byte_args(napi_env env, napi_callback_info info, Bytes *out) {
  napi_value args[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  for (size_t i = 0; i < 3; i++) {
    napi_typedarray_type type;
    void *data;
    if (i >= count ||
        napi_get_typedarray_info(env, args[i], &type, &out[i].length, &data, NULL, NULL) != napi_ok ||
        type != napi_uint8_array)
      return false;
    out[i].bytes = data;
  }
  return out[0].length == sizeof(Model) && (uintptr_t)out[0].bytes % _Alignof(Model) == 0;
}

/* pack(model, bytes, room): how many bytes of `room` it takes; -1: more than there are. */
napi_value pack(napi_env env, napi_callback_info info) {
  Bytes a[3];
  if (!byte_args(env, info, a)) return integer(env, -1);
  return integer(env, pack_bytes((Model *)(void *)a[0].bytes, a[1].bytes, a[1].length, a[2].bytes, a[2].length));
}

/* unpack(model, packed, room): fills `room`. Not what was packed when the model is not what it was then. */
napi_value unpack(napi_env env, napi_callback_info info) {
  Bytes a[3];
  if (!byte_args(env, info, a)) return integer(env, -1);
  unpack_bytes((Model *)(void *)a[0].bytes, a[1].bytes, a[1].length, a[2].bytes, a[2].length);
  return integer(env, 0);
}

napi_value model_bytes(napi_env env) {
  return integer(env, (int32_t)sizeof(Model));
}
