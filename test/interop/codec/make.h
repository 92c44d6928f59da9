/* make.h - objects of the protocol made up from a seed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef INTEROP_MAKE_H
#define INTEROP_MAKE_H

#include "fields.h"

/* random: the seed. The rest zero. */
struct maker {
  uint64_t random;
  void **blocks; /* what objects of this maker point to */
  size_t block_count;
};

/* Sets everything but the kind, which says what it is to be. It lives as long as the maker. */
void make_object(struct maker *maker, struct object *object);
void make_release(struct maker *maker);

#endif
