/* kinds.c - the list of kinds of scripts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kind.h"

const struct datadriven_kind *const datadriven_kinds[] = {
    &quorum_kind,
    &confchange_kind,
    &interaction_kind,
    NULL,
};
