/*
 * Guesses the next bit by what came before, over all frames from one process to another (docs/protocol.md, section 6,
 * Packing): to send a bit costs a hundred times what it takes to guess it well.
 *
 * Context mixing, after the lpaq family of Matt Mahoney (https://mattmahoney.net/dc/dce.html, sections 4.1.3, 4.3 and
 * 4.4): in several contexts, which bits came before leads to a guess what comes next, a mixer weighs the guesses by
 * how good they were, and an arithmetic coder writes what the result did not tell. Both ends learn from the same
 * bytes, so they guess alike. Integers only, so that all machines do.
 *
 * All of a model is in a block of memory that JavaScript owns; of zeros, it is new. Whatever bytes it is given, it
 * stays within this block: each index is masked, or is a byte.
 */
#include "model.h"
#include "tables.h"
#include <string.h>

enum {
  SHORTEST_MATCH = 4,
  FIRST_WEIGHT = 4915, /* 0.3 */
};

static inline uint8_t byte_at(const Model *m, uint32_t at) {
  return m->history[at & (HISTORY - 1)];
}

void begin_text(Model *m) {
  prepare_tables();
  if (m->is_begun) return;
  m->is_begun = 1;
  Lanes weights = (Lanes){1, 1, 1, 1, 1, 1, 1, 0} * FIRST_WEIGHT;
  for (int i = 0; i < 3; i++)
    for (int bits = 0; bits < 256; bits++) m->by_bits[i][bits] = weights;
  for (int i = 0; i < CONTEXTS; i++) memcpy(m->guesses[i], first_guesses, sizeof first_guesses);
  for (int i = 0; i < 2 * (LONGEST_MATCH + 1); i++) m->match_guesses[i] = first_guesses[0];
}

void begin_byte(Byte *b, Model *m) {
  uint32_t last = m->last, place = m->at - m->value_at;
  uint32_t above = m->value_before ? byte_at(m, m->value_before - 1 + place) : 256;
  uint32_t *h = b->hashes;
  h[0] = hash(last & 0xff, 1);
  h[1] = hash(last & 0xffff, 2);
  h[2] = hash(last & 0xffffff, 3);
  h[3] = hash(m->word, hash(last & 0xff, 4));
  h[4] = hash(m->field, hash(place, 5));
  h[5] = hash(m->field, hash(above | place << 9, hash(last & 0xff, 6)));
  b->model = m;
  b->by_place = &m->by_place[h[4] >> 20 & (PLACES - 1)];
  b->by_byte = &m->by_byte[last & 0xff];
  b->expected = m->match_length ? byte_at(m, m->match) : -1;
  b->bits = 1;
}

static void begin_value(Model *m, uint32_t field) {
  m->values[m->field & (FIELDS - 1)] = m->value_at + 1;
  m->field = field;
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
