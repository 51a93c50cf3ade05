/*
 * Packs bytes by what came before them, over all frames from one process to another (docs/protocol.md, section 6,
 * Packing): to send a bit costs a hundred times what it takes to guess it well.
 *
 * Context mixing, after the lpaq family of Matt Mahoney (https://mattmahoney.net/dc/dce.html, sections 4.3 and
 * 4.4): several contexts each guess the next bit by what followed them before, a mixer weighs the guesses by how good
 * they were, and an arithmetic coder writes what the result did not tell. Both ends learn from the same bytes, so they
 * guess alike. Integers only: all machines do.
 *
 * All of a model is in a block of memory that JavaScript owns; of zeros, it is new. Whatever bytes it is given, it
 * stays within this block: each index is masked.
 */
#include "sigmq.h"
#include <stddef.h>

enum {
  CONTEXTS = 8,
  INPUTS = CONTEXTS + 1, /* and the match */
  SLOTS = 1 << 14,       /* of each context: with all of them half a megabyte, which a second cache holds */
  HISTORY = 1 << 15,     /* bytes */
  MATCHES = 1 << 12,
  FIELDS = 1 << 8,
  LONGEST_MATCH = 31, /* that is told apart */
  SHORTEST_MATCH = 4,
  COUNT_LIMIT = 255, /* a slot learns ever more slowly, down to 1/256 */
  RATE = 10,         /* of the mixer */
  FIRST_WEIGHT = 22937, /* 0.35 */
  MOST_WEIGHT = 1 << 19,
};

/* Of 0.5, that nothing was learned yet: what a slot says is stored as the difference to it. */
static const uint32_t UNKNOWN = 0x80000000;

typedef struct {
  /* 22 bits: how likely a 1 is; 10 bits: from how many bits that was learned. */
  uint32_t slots[CONTEXTS][SLOTS];
  uint32_t match_slots[(LONGEST_MATCH + 1) * 2];
  /* By how long the match is and by the bits of the byte so far; differences to FIRST_WEIGHT. */
  int32_t weights[3][256][INPUTS];
  /* Where in the history the last value of a field began, plus 1. */
  uint32_t values[FIELDS];
  /* Where in the history the bytes came last after which we are. */
  uint32_t matches[MATCHES];
  uint8_t history[HISTORY];
  /* How many bytes there were, and the last eight. */
  uint32_t at, last, before;
  /* Hashes: of the letters of this word, of the name of this field, of its value so far, of this string and the last. */
  uint32_t word, field, value, string, name;
  /* Where this value began, and, plus 1, the one before it in this field. */
  uint32_t value_at, value_before;
  uint32_t column, quoted;
  /* Where the byte is that would come next if it went on as it did before, and for how long it has. */
  uint32_t match, match_length;
} Model;

/* What is known while a byte is coded. */
typedef struct {
  Model *model;
  uint32_t hashes[CONTEXTS];
  uint32_t *used[CONTEXTS];
  uint32_t *match_used;
  int32_t *weights;
  int32_t inputs[INPUTS];
  /* The bits so far behind a 1, the byte that the match expects or -1, and how likely a 1 is: of 4096. */
  uint32_t bits;
  int32_t expected, likely;
} Byte;

/* ln(p / (1 - p)) of 4096ths, in 256ths, and its inverse. */
static int16_t stretched[4096], squashed[4096];
static int32_t rates[COUNT_LIMIT + 1];
static bool is_ready;

static void prepare(void) {
  static const int32_t curve[33] = {1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
                                    310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
                                    3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094};
  for (int32_t x = 0; x < 4096; x++) {
    int32_t step = x >> 7, part = x & 127;
    squashed[x] = (int16_t)((curve[step] * (128 - part) + curve[step + 1] * part + 64) >> 7);
  }
  int32_t done = 0;
  for (int32_t x = 1; x < 4096; x++)
    while (done <= squashed[x]) stretched[done++] = (int16_t)(x - 2048);
  while (done < 4096) stretched[done++] = 2047;
  for (int32_t n = 0; n <= COUNT_LIMIT; n++) rates[n] = 655360 / (10 * n + 16);
  is_ready = true;
}

static inline int32_t squash(int32_t x) {
  return x > 2047 ? 4095 : x < -2048 ? 1 : squashed[x + 2048];
}

static inline uint32_t hash(uint32_t a, uint32_t b) {
  uint32_t x = a * 0x2f0b4c47u + b * 0x9e3779b1u;
  x ^= x >> 15;
  x *= 0x85ebca6bu;
  return x ^ x >> 13;
}

static inline int32_t guess(uint32_t slot) {
  return stretched[(slot ^ UNKNOWN) >> 20];
}

static inline void learn(uint32_t *slot, uint32_t bit) {
  uint32_t value = *slot ^ UNKNOWN, count = value & 1023;
  int32_t likely = (int32_t)(value >> 10), target = bit ? (1 << 22) - 1 : 0;
  int64_t step = (int64_t)(target - likely) * rates[count & COUNT_LIMIT];
  likely += (int32_t)(step / 65536);
  *slot = ((uint32_t)likely << 10 | (count < COUNT_LIMIT ? count + 1 : count)) ^ UNKNOWN;
}

/* That wraps around: weights that this code has not made may be any. */
static inline int32_t product(int32_t a, uint32_t b) {
  return (int32_t)((uint32_t)a * b);
}

static inline uint8_t byte_at(const Model *m, uint32_t at) {
  return m->history[at & (HISTORY - 1)];
}

static void begin_byte(Byte *b, Model *m) {
  uint32_t last = m->last, place = m->at - m->value_at;
  uint32_t above = m->value_before ? byte_at(m, m->value_before - 1 + place) : 256;
  uint32_t *h = b->hashes;
  h[0] = hash(last & 0xff, 1);
  h[1] = hash(last & 0xffff, 2);
  h[2] = hash(last & 0xffffff, 3);
  h[3] = hash(last, 4);
  h[4] = hash(last, hash(m->before & 0xffff, 5));
  h[5] = hash(m->word, hash(last & 0xff, 6));
  h[6] = hash(m->field, hash(m->value, 7));
  h[7] = hash(m->field, hash(above | place << 9, hash(last & 0xff, 8)));
  b->model = m;
  b->expected = m->match_length ? byte_at(m, m->match) : -1;
  b->bits = 1;
}

/* How likely the next bit is a 1: 1 to 4094, of 4096. `n`: bits of the byte so far. */
static inline uint32_t predict(Byte *b, int n) {
  Model *m = b->model;
  b->match_used = NULL;
  b->inputs[CONTEXTS] = 0;
  if (b->expected >= 0) {
    uint32_t expected = (uint32_t)b->expected;
    if ((expected | 256) >> (8 - n) == b->bits) {
      uint32_t length = m->match_length < LONGEST_MATCH ? m->match_length : LONGEST_MATCH;
      b->match_used = &m->match_slots[length * 2 + (expected >> (7 - n) & 1)];
      b->inputs[CONTEXTS] = guess(*b->match_used);
    } else {
      b->expected = -1;
      m->match_length = 0;
    }
  }
  for (int i = 0; i < CONTEXTS; i++) {
    uint32_t at = b->hashes[i] + b->bits * 0x9e3779b1u;
    b->used[i] = &m->slots[i][(at ^ at >> 14) & (SLOTS - 1)];
    b->inputs[i] = guess(*b->used[i]);
  }
  b->weights = m->weights[m->match_length == 0 ? 0 : m->match_length < 16 ? 1 : 2][b->bits & 255];
  int32_t sum = 0;
  for (int i = 0; i < INPUTS; i++) sum += product(b->inputs[i], (uint32_t)b->weights[i] + FIRST_WEIGHT) / 256;
  b->likely = squash(sum / 256);
  return b->likely > 4094 ? 4094 : (uint32_t)b->likely;
}

static inline void update(Byte *b, uint32_t bit) {
  int32_t error = ((int32_t)(bit << 12) - b->likely) * RATE;
  for (int i = 0; i < INPUTS; i++) {
    int32_t step = (b->inputs[i] * error + 8192) / 16384;
    int32_t weight = (int32_t)((uint32_t)b->weights[i] + (uint32_t)step);
    b->weights[i] = weight > MOST_WEIGHT ? MOST_WEIGHT : weight < -MOST_WEIGHT ? -MOST_WEIGHT : weight;
  }
  for (int i = 0; i < CONTEXTS; i++) learn(b->used[i], bit);
  if (b->match_used) learn(b->match_used, bit);
  b->bits = b->bits << 1 | bit;
}

static void begin_value(Model *m, uint32_t field) {
  m->values[m->field & (FIELDS - 1)] = m->value_at + 1;
  m->field = field;
  m->value = 0;
  m->value_at = m->at;
  m->value_before = m->values[field & (FIELDS - 1)];
}

/* Which field of a record it is: by the name before a colon, as in JSON, or else by what number it has. */
static void look_for_field(Model *m, uint32_t c) {
  if (c == 0 || c == '\n') {
    m->quoted = m->column = m->name = 0;
    begin_value(m, 0);
    return;
  }
  bool is_quote = c == '"';
  if (!is_quote && !m->quoted) {
    if (c == ':' && m->name) {
      begin_value(m, m->name);
      m->name = 0;
      return;
    }
    if (c == ',' || c == ' ' || c == '\t' || c == '{' || c == '[') {
      begin_value(m, hash(++m->column, hash(c, m->field)));
      return;
    }
  }
  m->value = hash(m->value, c + 1);
  if (is_quote) {
    m->quoted = !m->quoted;
    if (m->quoted) m->string = 1;
    else m->name = m->string;
  } else if (m->quoted) m->string = hash(m->string, c);
}

static void look_for_match(Model *m, uint32_t c) {
  uint32_t *seen = &m->matches[hash(m->last, m->before & 0xff) & (MATCHES - 1)];
  if (m->match_length && byte_at(m, m->match) == c) {
    m->match_length++;
    m->match++;
  } else m->match_length = 0;
  if (!m->match_length && *seen) {
    uint32_t n = 0;
    m->match = *seen;
    while (n < LONGEST_MATCH && byte_at(m, m->match - 1 - n) == byte_at(m, m->at - 1 - n)) n++;
    if (n >= SHORTEST_MATCH) m->match_length = n;
  }
  *seen = m->at;
}

static void end_byte(Model *m, uint32_t c) {
  m->history[m->at++ & (HISTORY - 1)] = (uint8_t)c;
  m->before = m->before << 8 | m->last >> 24;
  m->last = m->last << 8 | c;
  bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c > 127;
  m->word = is_letter ? hash(m->word, c + 1) : 0;
  look_for_field(m, c);
  look_for_match(m, c);
}

/* The part of the range that stands for a 1 begins with it. */
static inline uint32_t split(uint32_t low, uint32_t high, uint32_t likely) {
  return low + (uint32_t)((uint64_t)(high - low) * likely >> 12);
}

/* Bytes written; -1: there was no room. */
static int32_t pack_bytes(Model *m, const uint8_t *in, size_t size, uint8_t *out, size_t room) {
  Byte b;
  uint32_t low = 0, high = UINT32_MAX;
  size_t done = 0;
  for (size_t i = 0; i < size; i++) {
    begin_byte(&b, m);
    for (int n = 0; n < 8; n++) {
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
  for (; done < 4; done++) number = number << 8 | (done < size ? in[done] : 0);
  for (size_t i = 0; i < length; i++) {
    begin_byte(&b, m);
    for (int n = 0; n < 8; n++) {
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
  if (!is_ready) prepare();
  return integer(env, pack_bytes((Model *)(void *)a[0].bytes, a[1].bytes, a[1].length, a[2].bytes, a[2].length));
}

/* unpack(model, packed, room): fills `room`. Not what was packed when the model is not what it was then. */
napi_value unpack(napi_env env, napi_callback_info info) {
  Bytes a[3];
  if (!byte_args(env, info, a)) return integer(env, -1);
  if (!is_ready) prepare();
  unpack_bytes((Model *)(void *)a[0].bytes, a[1].bytes, a[1].length, a[2].bytes, a[2].length);
  return integer(env, 0);
}

napi_value model_bytes(napi_env env) {
  return integer(env, (int32_t)sizeof(Model));
}
