/* confchange.c - the algebra of membership changes, simple and joint (thesis 4.1, 4.3).
 *
 * A change works on a draft: a copy of the four sets of the configuration. The progress of the
 * members follows from the sets and is put together last, so that nothing which can fail has
 * touched the tracker in force. A simple change moves at most one voter, so that old and new
 * majorities overlap; anything else goes through a joint configuration, in which the voters as
 * they were (outgoing) and as they will be (incoming) both have to agree.
 *
 * A voter that becomes a learner while it still votes in the outgoing half cannot be both; it
 * waits in learners_next until the joint configuration is left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "confchange.h"

#include <libraft/error.h>

#include "allocate.h"

struct draft {
  raft_configuration config;
  raft_idset renewed; /* left and may have come back: what was known of them is forgotten */
  const raft_allocator *allocator;
};

static void configuration_free(raft_configuration *config, const raft_allocator *allocator) {
  raft_idset_free(&config->incoming, allocator);
  raft_idset_free(&config->outgoing, allocator);
  raft_idset_free(&config->learners, allocator);
  raft_idset_free(&config->learners_next, allocator);
}

static void draft_close(struct draft *draft) {
  configuration_free(&draft->config, draft->allocator);
  raft_idset_free(&draft->renewed, draft->allocator);
}

/* --- what a configuration can be ------------------------------------------------------------- */

static bool disjoint(const raft_idset *one, const raft_idset *other) {
  for (uint32_t i = 0; i < one->count; i++) {
    if (raft_idset_has(other, one->ids[i])) {
      return false;
    }
  }
  return true;
}

static bool contains_all(const raft_idset *set, const raft_idset *part) {
  for (uint32_t i = 0; i < part->count; i++) {
    if (!raft_idset_has(set, part->ids[i])) {
      return false;
    }
  }
  return true;
}

/* Nobody votes and learns at once; staged learners still vote in the outgoing half, and only
 * there; what belongs to joint configurations is in joint configurations only; and without
 * voters there is nothing at all. */
static bool is_sound(const raft_configuration *config) {
  bool joint = config->outgoing.count > 0;
  bool empty = config->learners.count == 0 && !joint;
  return disjoint(&config->learners, &config->incoming) &&
         disjoint(&config->learners, &config->outgoing) &&
         disjoint(&config->learners_next, &config->incoming) &&
         contains_all(&config->outgoing, &config->learners_next) &&
         (joint || !config->auto_leave) && (config->incoming.count > 0 || empty);
}

/* Goes through the members in ascending order, each of them once. */
struct member_cursor {
  const raft_configuration *config;
  uint32_t incoming;
  uint32_t outgoing;
  uint32_t learners;
};

/* The smaller of `id` and the id that the set has at the position. */
static uint64_t smaller_id(const raft_idset *set, uint32_t position, uint64_t id) {
  return position < set->count && set->ids[position] < id ? set->ids[position] : id;
}

static uint32_t position_behind(const raft_idset *set, uint32_t position, uint64_t id) {
  return position < set->count && set->ids[position] == id ? position + 1 : position;
}

static bool next_member(struct member_cursor *cursor, uint64_t *id) {
  const raft_configuration *config = cursor->config;
  if (cursor->incoming == config->incoming.count && cursor->outgoing == config->outgoing.count &&
      cursor->learners == config->learners.count) {
    return false;
  }
  *id = smaller_id(&config->incoming, cursor->incoming, UINT64_MAX);
  *id = smaller_id(&config->outgoing, cursor->outgoing, *id);
  *id = smaller_id(&config->learners, cursor->learners, *id);
  cursor->incoming = position_behind(&config->incoming, cursor->incoming, *id);
  cursor->outgoing = position_behind(&config->outgoing, cursor->outgoing, *id);
  cursor->learners = position_behind(&config->learners, cursor->learners, *id);
  return true;
}

static size_t count_members(const raft_configuration *config) {
  struct member_cursor cursor = {.config = config};
  uint64_t id = 0;
  size_t count = 0;
  while (next_member(&cursor, &id)) {
    count++;
  }
  return count;
}

/* Exactly the members have progress, and it knows who learns. */
static bool progress_is_sound(const raft_tracker *tracker) {
  struct member_cursor cursor = {.config = &tracker->config};
  uint64_t id = 0;
  uint32_t position = 0;
  for (; next_member(&cursor, &id); position++) {
    if (position == tracker->count || tracker->progress[position].id != id ||
        tracker->progress[position].is_learner != raft_idset_has(&tracker->config.learners, id)) {
      return false;
    }
  }
  return position == tracker->count;
}

/* --- drafts ---------------------------------------------------------------------------------- */

static int copy_configuration(struct draft *draft, const raft_configuration *config) {
  raft_configuration *copy = &draft->config;
  int rc = raft_idset_copy(&copy->incoming, &config->incoming, draft->allocator);
  rc = rc != RAFT_OK ? rc : raft_idset_copy(&copy->outgoing, &config->outgoing, draft->allocator);
  rc = rc != RAFT_OK ? rc : raft_idset_copy(&copy->learners, &config->learners, draft->allocator);
  rc = rc != RAFT_OK
           ? rc
           : raft_idset_copy(&copy->learners_next, &config->learners_next, draft->allocator);
  copy->auto_leave = config->auto_leave;
  return rc;
}

/* draft_close is due whatever the result. */
static int draft_open(struct draft *draft, const raft_tracker *now) {
  draft->allocator = now->allocator;
  if (!is_sound(&now->config) || !progress_is_sound(now)) {
    return RAFT_EINVARIANT;
  }
  return copy_configuration(draft, &now->config);
}

static bool is_member(const raft_configuration *config, uint64_t id) {
  return raft_idset_has(&config->incoming, id) || raft_idset_has(&config->outgoing, id) ||
         raft_idset_has(&config->learners, id);
}

static void take_out(raft_configuration *config, uint64_t id) {
  raft_idset_remove(&config->incoming, id);
  raft_idset_remove(&config->learners, id);
  raft_idset_remove(&config->learners_next, id);
}

static int make_voter(struct draft *draft, uint64_t id) {
  take_out(&draft->config, id);
  return raft_idset_add(&draft->config.incoming, id, draft->allocator);
}

static int make_learner(struct draft *draft, uint64_t id) {
  raft_configuration *config = &draft->config;
  bool votes_until_left = raft_idset_has(&config->outgoing, id);
  take_out(config, id);
  return raft_idset_add(votes_until_left ? &config->learners_next : &config->learners, id,
                        draft->allocator);
}

static int remove_member(struct draft *draft, uint64_t id) {
  if (!is_member(&draft->config, id)) {
    return RAFT_OK;
  }
  take_out(&draft->config, id);
  /* Who still votes in the outgoing half stays a member until that is left. */
  return is_member(&draft->config, id) ? RAFT_OK
                                       : raft_idset_add(&draft->renewed, id, draft->allocator);
}

static int make_change(struct draft *draft, const raft_conf_change_single *change) {
  if (change->node_id == RAFT_NO_ID) {
    return RAFT_OK;
  }
  if (change->node_id >= RAFT_APPLY_THREAD) {
    return RAFT_ECONF_TYPE; /* a storage thread is no member */
  }
  switch (change->type) {
  case RAFT_CONF_ADD_NODE: return make_voter(draft, change->node_id);
  case RAFT_CONF_ADD_LEARNER: return make_learner(draft, change->node_id);
  case RAFT_CONF_REMOVE_NODE: return remove_member(draft, change->node_id);
  case RAFT_CONF_UPDATE_NODE: return RAFT_OK; /* the application's affair */
  default: return RAFT_ECONF_TYPE;
  }
}

static int make_changes(struct draft *draft, const raft_conf_change_single *changes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int rc = make_change(draft, &changes[i]);
    if (rc != RAFT_OK) {
      return rc;
    }
  }
  return draft->config.incoming.count > 0 ? RAFT_OK : RAFT_ECONF_NO_VOTERS;
}

/* In how many ids do the sets differ? */
static size_t difference(const raft_idset *one, const raft_idset *other) {
  size_t common = 0;
  for (uint32_t i = 0; i < one->count; i++) {
    common += raft_idset_has(other, one->ids[i]) ? 1 : 0;
  }
  return (one->count - common) + (other->count - common);
}

/* --- from the draft to a tracker ------------------------------------------------------------- */

static raft_progress new_progress(uint64_t id, uint64_t last_index) {
  return (raft_progress){
      .id = id,
      /* Next is a guess; a low one costs the new member a snapshot or a rejection. */
      .next = last_index > 1 ? last_index : 1,
      .state = RAFT_PROGRESS_PROBE,
      /* Else the quorum check could fall on it before it had a chance to speak. */
      .recent_active = true,
  };
}

static void fill_progress(raft_progress *progress, const struct draft *draft,
                          const raft_tracker *now, uint64_t last_index) {
  struct member_cursor cursor = {.config = &draft->config};
  for (uint64_t id = 0; next_member(&cursor, &id); progress++) {
    const raft_progress *known = raft_tracker_get(now, id);
    bool stays = known != NULL && !raft_idset_has(&draft->renewed, id);
    *progress = stays ? *known : new_progress(id, last_index);
    progress->is_learner = raft_idset_has(&draft->config.learners, id);
  }
}

/* Makes the draft a tracker; its sets go over to it. */
static int draft_finish(struct draft *draft, const raft_tracker *now, uint64_t last_index,
                        raft_tracker *next) {
  size_t count = count_members(&draft->config);
  raft_progress *progress = NULL;
  if (!is_sound(&draft->config)) {
    return RAFT_EINVARIANT;
  }
  if (count > 0) {
    progress = raft_allocate_array(draft->allocator, count, sizeof *progress);
    if (progress == NULL || count > UINT32_MAX) {
      raft_deallocate(draft->allocator, progress);
      return RAFT_ENOMEM;
    }
    fill_progress(progress, draft, now, last_index);
  }
  *next = (raft_tracker){draft->config, progress, (uint32_t)count, now->limits, now->allocator};
  draft->config = (raft_configuration){0};
  return RAFT_OK;
}

/* --- the changes ----------------------------------------------------------------------------- */

int raft_confchange_simple(const raft_tracker *now, uint64_t last_index,
                           const raft_conf_change_single *changes, size_t count,
                           raft_tracker *next) {
  struct draft draft = {0};
  if (raft_tracker_is_joint(now)) {
    return RAFT_ECONF_SIMPLE_IN_JOINT;
  }
  int rc = draft_open(&draft, now);
  rc = rc != RAFT_OK ? rc : make_changes(&draft, changes, count);
  if (rc == RAFT_OK && difference(&now->config.incoming, &draft.config.incoming) > 1) {
    rc = RAFT_ECONF_MORE_THAN_ONE;
  }
  rc = rc != RAFT_OK ? rc : draft_finish(&draft, now, last_index, next);
  draft_close(&draft);
  return rc;
}

int raft_confchange_enter_joint(const raft_tracker *now, uint64_t last_index, bool auto_leave,
                                const raft_conf_change_single *changes, size_t count,
                                raft_tracker *next) {
  struct draft draft = {0};
  if (raft_tracker_is_joint(now)) {
    return RAFT_ECONF_ALREADY_JOINT;
  }
  if (now->config.incoming.count == 0) {
    return RAFT_ECONF_ZERO_VOTERS_JOINT;
  }
  int rc = draft_open(&draft, now);
  draft.config.auto_leave = auto_leave;
  if (rc == RAFT_OK) {
    rc = raft_idset_copy(&draft.config.outgoing, &now->config.incoming, draft.allocator);
  }
  rc = rc != RAFT_OK ? rc : make_changes(&draft, changes, count);
  rc = rc != RAFT_OK ? rc : draft_finish(&draft, now, last_index, next);
  draft_close(&draft);
  return rc;
}

int raft_confchange_leave_joint(const raft_tracker *now, uint64_t last_index, raft_tracker *next) {
  struct draft draft = {0};
  raft_configuration *config = &draft.config;
  if (!raft_tracker_is_joint(now)) {
    return RAFT_ECONF_NOT_JOINT;
  }
  int rc = draft_open(&draft, now);
  for (uint32_t i = 0; rc == RAFT_OK && i < config->learners_next.count; i++) {
    rc = raft_idset_add(&config->learners, config->learners_next.ids[i], draft.allocator);
  }
  raft_idset_free(&config->learners_next, draft.allocator);
  raft_idset_free(&config->outgoing, draft.allocator);
  config->auto_leave = false;
  rc = rc != RAFT_OK ? rc : draft_finish(&draft, now, last_index, next);
  draft_close(&draft);
  return rc;
}

int raft_confchange_apply(const raft_tracker *now, uint64_t last_index,
                          const raft_conf_change_v2 *change, raft_tracker *next) {
  bool joint = change->change_count > 1;
  bool auto_leave = true;
  switch (change->transition) {
  case RAFT_TRANSITION_AUTO:
    if (change->change_count == 0) {
      return raft_confchange_leave_joint(now, last_index, next);
    }
    break;
  case RAFT_TRANSITION_JOINT_IMPLICIT: joint = true; break;
  case RAFT_TRANSITION_JOINT_EXPLICIT:
    joint = true;
    auto_leave = false;
    break;
  default: return RAFT_ECONF_TYPE;
  }
  return joint
             ? raft_confchange_enter_joint(now, last_index, auto_leave, change->changes,
                                           change->change_count, next)
             : raft_confchange_simple(now, last_index, change->changes, change->change_count, next);
}

/* --- a configuration from a list ------------------------------------------------------------- */

static bool names_nobody(const raft_idset *set) {
  return raft_idset_has(set, RAFT_NO_ID) || raft_idset_has(set, RAFT_APPEND_THREAD) ||
         raft_idset_has(set, RAFT_APPLY_THREAD);
}

static bool has_impossible_id(const raft_configuration *config) {
  return names_nobody(&config->incoming) || names_nobody(&config->outgoing) ||
         names_nobody(&config->learners);
}

/* A list that names an id twice describes no set: RAFT_EINVAL, like everything that no change
 * can lead to. */
static int assign_configuration(struct draft *draft, const raft_conf_state *state) {
  raft_configuration *config = &draft->config;
  int rc = raft_idset_assign(&config->incoming, state->voters, draft->allocator);
  rc = rc != RAFT_OK
           ? rc
           : raft_idset_assign(&config->outgoing, state->voters_outgoing, draft->allocator);
  rc = rc != RAFT_OK ? rc : raft_idset_assign(&config->learners, state->learners, draft->allocator);
  rc = rc != RAFT_OK
           ? rc
           : raft_idset_assign(&config->learners_next, state->learners_next, draft->allocator);
  config->auto_leave = state->auto_leave;
  if (rc == RAFT_OK && (has_impossible_id(config) || !is_sound(config))) {
    rc = RAFT_EINVAL;
  }
  return rc;
}

int raft_confchange_restore(const raft_tracker *now, uint64_t last_index,
                            const raft_conf_state *state, raft_tracker *next) {
  struct draft draft = {.allocator = now->allocator};
  raft_tracker nothing;
  raft_tracker_init(&nothing, now->limits, now->allocator);
  int rc = assign_configuration(&draft, state);
  rc = rc != RAFT_OK ? rc : draft_finish(&draft, &nothing, last_index, next);
  draft_close(&draft);
  return rc;
}

/* --- putting the result into force ----------------------------------------------------------- */

/* Frees what `tracker` has, except windows that `heir` goes on using. */
static void bequeath(raft_tracker *tracker, const raft_tracker *heir) {
  for (uint32_t i = 0; i < tracker->count; i++) {
    raft_progress *progress = &tracker->progress[i];
    const raft_progress *same = raft_tracker_get(heir, progress->id);
    if (same != NULL && same->inflights.ring == progress->inflights.ring) {
      progress->inflights = (raft_inflights){0};
    }
  }
  raft_tracker_close(tracker);
}

void raft_tracker_adopt(raft_tracker *tracker, raft_tracker *next) {
  bequeath(tracker, next);
  *tracker = *next;
  *next = (raft_tracker){0};
}

/* The windows belong to the tracker that the result was computed from. */
void raft_tracker_discard(raft_tracker *next) {
  configuration_free(&next->config, next->allocator);
  raft_deallocate(next->allocator, next->progress);
  *next = (raft_tracker){0};
}
