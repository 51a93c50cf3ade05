/*
 * What both ends of a pair of processes learn from the bytes that go from one to the other, so that they guess the
 * next bit alike: guess.h guesses, pack.c codes what the guess did not tell.
 */
#pragma once
#include "lanes.h"
#include <stdbool.h>

enum {
  CONTEXTS = 6,
  LINES = 1 << 12,     /* of each context: with all of them 384 KiB, which a second cache holds */
  LINE = 16,           /* a check, and a history for each beginning of four bits */
  HISTORY = 1 << 15,   /* bytes */
  MATCHES = 1 << 12,
  FIELDS = 1 << 8,
  PLACES = 1 << 10,
  LONGEST_MATCH = 31,  /* that is told apart */
};

typedef struct {
  /* Histories, by a context and the first or the second four bits of a byte in it. */
  uint8_t lines[CONTEXTS][LINES][LINE];
  /* What each guess weighs, 16384ths: by how long the match is and by the bits of the byte so far, by where in which
   * field the byte is, and by the byte before. All three count. */
  Lanes by_bits[3][256], by_place[PLACES], by_byte[256];
  /* 22 bits: how likely a 1 is; 10 bits: from how many bits that was learned. By a history, and by how long the
   * match is and which bit it expects. */
  uint32_t guesses[CONTEXTS][256], match_guesses[(LONGEST_MATCH + 1) * 2];
  /* Where in the history of bytes the last value of a field began, plus 1. */
  uint32_t values[FIELDS];
  /* Where in it the bytes came last after which we are. */
  uint32_t matches[MATCHES];
  uint8_t history[HISTORY];
  /* How many bytes there were, and the last eight. */
  uint32_t at, last, before;
  /* Hashes: of the letters of this word, of the name of this field, of this string and the last. */
  uint32_t word, field, string, name;
  /* Where this value began, and, plus 1, the one before it in this field. */
  uint32_t value_at, value_before;
  uint32_t column, quoted;
  /* Where the byte is that would come next if it went on as it did before, and for how long it has. */
  uint32_t match, match_length;
  uint32_t is_begun;
} Model;

/* What is known while a byte is coded. */
typedef struct {
  Model *model;
  /* Of the contexts; the lines that they lead to, and the guesses that were made. */
  uint32_t hashes[CONTEXTS];
  uint8_t *lines[CONTEXTS];
  uint32_t *used[CONTEXTS], *match_used;
  Lanes inputs, *by_bits, *by_place, *by_byte;
  /* The bits of the byte, and of these four, so far behind a 1; the byte that the match expects or -1; and how likely
   * a 1 is: of 4096. */
  uint32_t bits, node;
  int32_t expected, likely;
} Byte;

/* Before the first byte of a text. */
void begin_text(Model *m);
void begin_byte(Byte *b, Model *m);
void end_byte(Model *m, uint32_t c);

static inline uint32_t hash(uint32_t a, uint32_t b) {
  uint32_t x = a * 0x2f0b4c47u + b * 0x9e3779b1u;
  x ^= x >> 15;
  x *= 0x85ebca6bu;
  return x ^ x >> 13;
}
