/*
 * Guesses the next bit by what came before, over all frames from one process to another (docs/protocol.md, section 6,
 * Packing): to send a bit costs a hundred times what it takes to guess it well.
 *
 * Context mixing, after the lpaq family of Matt Mahoney (https://mattmahoney.net/dc/dce.html, sections 4.3 and
 * 4.4): several contexts each guess the next bit by what followed them before, a mixer weighs the guesses by how good
 * they were, and an arithmetic coder writes what the result did not tell. Both ends learn from the same bytes, so they
 * guess alike. Integers only, so that all machines do.
 *
 * All of a model is in a block of memory that JavaScript owns; of zeros, it is new. Whatever bytes it is given, it
 * stays within this block: each index is masked.
 */
#include "model.h"
#include <stddef.h>

enum {
  SHORTEST_MATCH = 4,
  COUNT_LIMIT = 255, /* a slot learns ever more slowly, down to 1/256 */
  RATE = 10,         /* of the mixer */
  FIRST_WEIGHT = 22937, /* 0.35 */
  MOST_WEIGHT = 1 << 19,
};

/* Of 0.5, that nothing was learned yet: what a slot says is stored as the difference to it. */
static const uint32_t UNKNOWN = 0x80000000;

/* ln(p / (1 - p)) of 4096ths, in 256ths, and its inverse. */
static int16_t stretched[4096], squashed[4096];
static int32_t rates[COUNT_LIMIT + 1];

void prepare_models(void) {
  static bool is_ready;
  if (is_ready) return;
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

void begin_byte(Byte *b, Model *m) {
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

uint32_t predict(Byte *b, int n) {
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

void update(Byte *b, uint32_t bit) {
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

void end_byte(Model *m, uint32_t c) {
  m->history[m->at++ & (HISTORY - 1)] = (uint8_t)c;
  m->before = m->before << 8 | m->last >> 24;
  m->last = m->last << 8 | c;
  bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c > 127;
  m->word = is_letter ? hash(m->word, c + 1) : 0;
  look_for_field(m, c);
  look_for_match(m, c);
}
