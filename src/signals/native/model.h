/*
 * What both ends of a pair of processes learn from the bytes that go from one to the other, so that they guess the
 * next bit alike: model.c guesses, pack.c codes what the guess did not tell.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
  CONTEXTS = 8,
  INPUTS = CONTEXTS + 1, /* and the match */
  SLOTS = 1 << 14,       /* of each context: with all of them half a megabyte, which a second cache holds */
  HISTORY = 1 << 15,     /* bytes */
  MATCHES = 1 << 12,
  FIELDS = 1 << 8,
  LONGEST_MATCH = 31, /* that is told apart */
};

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

/* Once, before anything else. */
void prepare_models(void);
void begin_byte(Byte *b, Model *m);
/* How likely the next bit is a 1: 1 to 4094, of 4096. `n`: bits of the byte so far. */
uint32_t predict(Byte *b, int n);
/* That bit was this one. */
void update(Byte *b, uint32_t bit);
void end_byte(Model *m, uint32_t c);
