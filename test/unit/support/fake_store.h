/* fake_store.h - a server of the Redis protocol in a thread, which can be told to misbehave.
 *
 * GET, SET, DEL, SETNX, KV.CAS, INCRBY and APPEND on a few thousand keys, HELLO, and canned answers
 * to anything else. For the tools'
 * suites: real sockets on loopback, no store behind.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_FAKE_STORE_H
#define TEST_FAKE_STORE_H

#include <stddef.h>

typedef struct fake_store fake_store;

/* All zero: behaves. Counts are of SETs (or GETs) of all connections; 0: never. */
typedef struct fake_faults {
  unsigned lose_every;     /* this SET is acknowledged and not done */
  unsigned stale_every;    /* this GET answers what was there before the last SET */
  unsigned time_out_every; /* this SET is done and answered -TIMEOUT */
  unsigned refuse_every;   /* this SET is not done and answered -TRYAGAIN */
  unsigned
      hang_up_every; /* at this SET the connection is closed, before or after doing it in turns */
  unsigned twice_every; /* this INCRBY is done twice and answered as if once */
  const char *answer; /* of commands other than GET, SET and HELLO; NULL: as it should be, or +OK */
  const char *garbage; /* sent instead of any answer but HELLO's */
  int silent;          /* takes everything and answers nothing */
} fake_faults;

/* Listens on a free port of loopback; `address` becomes its host:port. faults stays the caller's
 * and must not change while the store runs. */
fake_store *fake_store_start(const fake_faults *faults, char address[32]);
void fake_store_stop(fake_store *store);

#endif
