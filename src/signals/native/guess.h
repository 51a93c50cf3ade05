/* How likely the next bit is a 1, and what is learned from which it was. For each bit, so all of it is inline. */
#pragma once
#include "model.h"
#include "tables.h"
#include <string.h>

enum {
  RATE = 4,   /* of the mixer */
  BIAS = 256, /* what is always there to be weighed */
};

/* The histories of a context; in place of those that know less, if it has none. */
static inline uint8_t *line_of(uint8_t (*lines)[LINE], uint32_t h) {
  uint32_t at = h & (LINES - 1);
  uint8_t check = (uint8_t)(h >> 24), *one = lines[at], *other = lines[at ^ 1];
  if (one[0] == check) return one;
  if (other[0] == check) return other;
  uint8_t *line = history_bits[one[1]] <= history_bits[other[1]] ? one : other;
  memset(line, 0, LINE);
  line[0] = check;
  return line;
}

static inline int16_t guess(uint32_t slot) {
  return stretched[slot >> 20];
}

static inline void learn(uint32_t *slot, uint32_t bit) {
  uint32_t count = *slot & 1023;
  int32_t likely = (int32_t)(*slot >> 10), target = bit ? (1 << 22) - 1 : 0;
  likely += (int32_t)((int64_t)(target - likely) * rates[count & COUNT_LIMIT] >> 16);
  *slot = (uint32_t)likely << 10 | (count + (count < COUNT_LIMIT));
}

static inline int16_t guess_by_history(Byte *b, int i) {
  uint32_t history = b->lines[i][b->node];
  b->used[i] = &b->model->guesses[i][history];
  return history ? guess(*b->used[i]) : 0;
}

static inline int16_t guess_by_match(Byte *b, uint32_t n) {
  Model *m = b->model;
  b->match_used = NULL;
  if (b->expected < 0) return 0;
  uint32_t expected = (uint32_t)b->expected;
  if ((expected | 256) >> (8 - n) != b->bits) {
    b->expected = -1;
    m->match_length = 0;
    return 0;
  }
  uint32_t length = m->match_length < LONGEST_MATCH ? m->match_length : LONGEST_MATCH;
  b->match_used = &m->match_guesses[length * 2 + (expected >> (7 - n) & 1)];
  return guess(*b->match_used);
}

/* How likely the next bit is a 1: 1 to 4094, of 4096. `n`: bits of the byte so far. */
static inline uint32_t predict(Byte *b, uint32_t n) {
  Model *m = b->model;
  if (n == 0 || n == 4) {
    b->node = 1;
    for (int i = 0; i < CONTEXTS; i++)
      b->lines[i] = line_of(m->lines[i], n == 0 ? b->hashes[i] : hash(b->hashes[i], b->bits));
  }
  b->inputs = (Lanes){
      guess_by_history(b, 0), guess_by_history(b, 1), guess_by_history(b, 2), guess_by_history(b, 3),
      guess_by_history(b, 4), guess_by_history(b, 5), guess_by_match(b, n),   BIAS,
  };
  b->by_bits = &m->by_bits[m->match_length == 0 ? 0 : m->match_length < 16 ? 1 : 2][b->bits & 255];
  int32_t sum = dot(b->inputs, *b->by_bits) + dot(b->inputs, *b->by_place) + dot(b->inputs, *b->by_byte);
  int32_t x = sum >> 14;
  b->likely = x > 2047 ? 4095 : x < -2048 ? 1 : squashed[x + 2048];
  return b->likely > 4094 ? 4094 : (uint32_t)b->likely;
}

/* That bit was this one. */
static inline void update(Byte *b, uint32_t bit) {
  int16_t error = (int16_t)(((int32_t)(bit << 12) - b->likely) * RATE);
  Lanes step = (scaled(b->inputs + b->inputs, error) + 1) >> 1;
  *b->by_bits = added(*b->by_bits, step);
  *b->by_place = added(*b->by_place, step);
  *b->by_byte = added(*b->by_byte, step);
  for (int i = 0; i < CONTEXTS; i++) {
    uint8_t *history = &b->lines[i][b->node];
    learn(b->used[i], bit);
    *history = next_history[*history][bit];
  }
  if (b->match_used) learn(b->match_used, bit);
  b->bits = b->bits << 1 | bit;
  b->node = b->node << 1 | bit;
}
