/* marked_value.h - values that say whose they are: key, sequence and a checksum over all of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BENCH_MARKED_VALUE_H
#define KV_BENCH_MARKED_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Smallest size of such a value: 16, 16 and 8 hexadecimal digits. */
enum { KV_MARK_BYTES = 40 };

/* Fills size >= KV_MARK_BYTES bytes; what is behind the mark depends on key and sequence. */
void kv_marked_value_fill(char *value, size_t size, uint64_t key, uint64_t sequence);

/* Is it a value that was made for the key, unharmed? Then *sequence is its sequence. */
bool kv_marked_value_check(const char *value, size_t size, uint64_t key, uint64_t *sequence);

#endif
