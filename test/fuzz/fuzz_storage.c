/* fuzz_storage.c - libFuzzer: a node whose storage answers what it likes.
 *
 * Behind it lies honest storage in memory, which is written as each Ready says; but each answer
 * may be replaced by an error or by something else. The node may then be poisoned, by
 * RAFT_ESTORAGE and nothing else, and is opened again. Nothing crashes, hangs or leaks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/memory_storage.h>
#include <libraft/raft.h>
#include <libraft/wire.h>
#include <string.h>

#include "forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MOST = 300, SELF = 1, PEERS = 3 };

typedef struct liar {
  raft_storage iface;
  raft_memory_storage *inner;
  const raft_storage *truth;
  fuzz_input *input;
  unsigned honesty; /* of 256 answers so many are lies; 0: none */
  uint64_t ids[4][FORGED_IDS];
  unsigned char data[16];
} liar;

/* ---- answers ---- */

static const int ERRORS[] = {RAFT_ENOMEM,
                             RAFT_ENOMEM,
                             RAFT_ECOMPACTED,
                             RAFT_EUNAVAILABLE,
                             RAFT_ESNAPSHOT_UNAVAILABLE,
                             RAFT_ESTORAGE,
                             RAFT_EINVARIANT,
                             -5,
                             7};

/* RAFT_OK: `lie` says whether the answer is made up. Otherwise an error to give. */
static int mood(liar *l, bool *lie) {
  *lie = false;
  if (input_is_over(l->input) || input_byte(l->input) >= l->honesty) {
    return RAFT_OK;
  }
  unsigned choice = input_byte(l->input);
  if ((choice & 1) != 0) {
    return ERRORS[(choice >> 1) % (sizeof ERRORS / sizeof ERRORS[0])];
  }
  *lie = true;
  return RAFT_OK;
}

static int initial_state(void *ctx, raft_hard_state *hard_state, raft_conf_state *conf_state) {
  liar *l = ctx;
  bool lie;
  int rc = mood(l, &lie);
  if (rc != RAFT_OK) {
    return rc;
  }
  rc = l->truth->initial_state(l->truth->ctx, hard_state, conf_state);
  if (lie) {
    raft_snapshot made = {.index = 0};
    forge_snapshot(l->input, hard_state->term, hard_state->commit, &made, l->ids);
    *conf_state = made.conf_state;
    hard_state->term = made.term;
    hard_state->commit = made.index;
    hard_state->vote = input_number(l->input, 1);
  }
  return rc;
}

/* The bytes of made-up entries need an owner, as those of honest ones have. */
static void make_up_entry(liar *l, raft_entry *entry) {
  raft_entry made = forge_entry(l->input, entry->term, entry->index);
  raft_buf *buf = raft_buf_copy(NULL, made.data.data, made.data.len);
  fuzz_require(buf != NULL);
  raft_buf_release(entry->data.owner);
  made.data.owner = buf;
  made.data.data = raft_buf_data(buf);
  *entry = made;
}

static int entries(void *ctx, uint64_t lo, uint64_t hi, uint64_t max_bytes, raft_entry *out,
                   size_t *count) {
  liar *l = ctx;
  bool lie;
  size_t room = *count;
  int rc = mood(l, &lie);
  if (rc == RAFT_OK) {
    rc = l->truth->entries(l->truth->ctx, lo, hi, max_bytes, out, count);
  }
  if (rc != RAFT_OK || !lie) {
    return rc;
  }
  size_t keep = input_byte(l->input) % (*count + 1);
  for (size_t i = keep; i < *count; i++) {
    raft_buf_release(out[i].data.owner);
  }
  *count = keep;
  for (size_t i = 0; i < keep; i++) {
    make_up_entry(l, &out[i]);
  }
  /* More than there is room for: an answer that is not filled in. */
  if (keep == 0 && input_flag(l->input)) {
    *count = room + 1;
  }
  return rc;
}

static int term_of(void *ctx, uint64_t index, uint64_t *term) {
  liar *l = ctx;
  bool lie;
  int rc = mood(l, &lie);
  if (rc != RAFT_OK || lie) {
    *term = input_number(l->input, 1);
    return rc;
  }
  return l->truth->term(l->truth->ctx, index, term);
}

static int bound(liar *l, int (*truth)(void *, uint64_t *), uint64_t *index) {
  bool lie;
  int rc = mood(l, &lie);
  if (rc == RAFT_OK) {
    rc = truth(l->truth->ctx, index);
  }
  *index = lie || rc != RAFT_OK ? input_number(l->input, *index) : *index;
  return rc;
}

static int first_index(void *ctx, uint64_t *index) {
  liar *l = ctx;
  *index = 1;
  return bound(l, l->truth->first_index, index);
}

static int last_index(void *ctx, uint64_t *index) {
  liar *l = ctx;
  *index = 1;
  return bound(l, l->truth->last_index, index);
}

static int snapshot(void *ctx, raft_snapshot *to) {
  liar *l = ctx;
  bool lie;
  int rc = mood(l, &lie);
  if (rc == RAFT_OK) {
    rc = l->truth->snapshot(l->truth->ctx, to);
  }
  if (lie) {
    forge_snapshot(l->input, to->term, to->index, to, l->ids);
    to->data.len = to->data.len < sizeof l->data ? to->data.len : sizeof l->data;
    memcpy(l->data, to->data.data, to->data.len);
    to->data = (raft_bytes){l->data, to->data.len, NULL};
  }
  return rc;
}

static const raft_storage LIAR = {.size = sizeof(raft_storage),
                                  .initial_state = initial_state,
                                  .entries = entries,
                                  .term = term_of,
                                  .first_index = first_index,
                                  .last_index = last_index,
                                  .snapshot = snapshot};

/* ---- the node ---- */

typedef struct subject {
  liar storage;
  raft_config config;
  raft_rawnode *raft; /* NULL: could not be opened */
  raft_message kept[16];
  size_t kept_count;
} subject;

/* Storage may poison a node; nothing that it says breaks an invariant of libraft's own. */
static void expect(subject *s, int rc) {
  fuzz_require(rc <= RAFT_OK && rc != RAFT_EINVARIANT && rc != RAFT_EUSAGE);
  fuzz_require(!raft_is_fatal(rc) || rc == RAFT_ESTORAGE);
  if (raft_is_fatal(rc)) {
    raft_rawnode_close(s->raft);
    s->raft = NULL;
  }
}

static void open_raft(subject *s) {
  if (s->raft == NULL) {
    int rc = raft_rawnode_open(&s->config, &s->raft);
    fuzz_require(rc == RAFT_OK || rc == RAFT_ENOMEM || rc == RAFT_ESTORAGE);
  }
}

static void release_kept(subject *s) {
  for (size_t i = 0; i < s->kept_count; i++) {
    raft_message_release(&s->kept[i]);
  }
  s->kept_count = 0;
}

/* Storage answers in asynchronous mode. */
static void step_responses(subject *s, const raft_message *message) {
  for (size_t i = 0; i < message->response_count && s->raft != NULL; i++) {
    if (message->responses[i].to == SELF) {
      expect(s, raft_rawnode_step(s->raft, &message->responses[i]));
    }
  }
}

/* Writes fail where lies have led to something that does not fit: then they are left out. */
static void save(subject *s, const raft_hard_state *state, const raft_snapshot *taken,
                 const raft_entry *list, size_t count) {
  if (state->term != 0) {
    (void)raft_memory_storage_set_hard_state(s->storage.inner, state);
  }
  if (taken != NULL) {
    (void)raft_memory_storage_apply_snapshot(s->storage.inner, taken);
  }
  (void)raft_memory_storage_append(s->storage.inner, list, count);
}

static void apply(subject *s, const raft_entry *list, size_t count) {
  for (size_t i = 0; i < count && s->raft != NULL; i++) {
    raft_conf_change change;
    if (list[i].type == RAFT_ENTRY_CONF_CHANGE &&
        raft_conf_change_decode(list[i].data, &change) == RAFT_OK) {
      expect(s, raft_rawnode_apply_conf_change_v1(s->raft, &change, NULL));
    }
  }
}

static void handle(subject *s, const raft_message *message) {
  if (message->to == RAFT_APPEND_THREAD || message->to == RAFT_APPLY_THREAD) {
    const raft_hard_state state = {message->term, message->vote, message->commit};
    if (message->to == RAFT_APPEND_THREAD) {
      save(s, &state, message->snapshot, message->entries, message->entry_count);
    } else {
      apply(s, message->entries, message->entry_count);
    }
    step_responses(s, message);
  }
}

/* Messages are kept, for handling one may poison the node that the Ready belongs to. */
static void keep_messages(subject *s, const raft_ready *rd) {
  for (size_t i = 0; i < rd->message_count && s->kept_count < 16; i++) {
    raft_message_retain(&rd->messages[i]);
    s->kept[s->kept_count++] = rd->messages[i];
  }
}

static void pump(subject *s) {
  const raft_ready *rd = NULL;
  if (!raft_rawnode_has_ready(s->raft)) {
    return;
  }
  int rc = raft_rawnode_ready(s->raft, &rd);
  if (rc != RAFT_OK) {
    expect(s, rc);
    return;
  }
  keep_messages(s, rd);
  if (!s->config.async_storage_writes) {
    save(s, &rd->hard_state, rd->snapshot, rd->entries, rd->entry_count);
    expect(s, raft_rawnode_advance(s->raft, rd));
  }
  for (size_t i = 0; i < s->kept_count && s->raft != NULL; i++) {
    handle(s, &s->kept[i]);
  }
  release_kept(s);
}

/* ---- the story ---- */

static void forge(subject *s, fuzz_input *input) {
  forged lie;
  raft_basic_status status;
  raft_rawnode_basic_status(s->raft, &status);
  forge_message(input, SELF, status.hard_state.term, status.last_index, &lie);
  expect(s, raft_rawnode_step(s->raft, &lie.message));
}

/* Makes the node a leader, if storage lets it. */
static void elect(subject *s) {
  expect(s, raft_rawnode_campaign(s->raft));
  for (int round = 0; round < 2 && s->raft != NULL; round++) {
    pump(s);
    for (uint64_t from = 2; from <= PEERS && s->raft != NULL; from++) {
      raft_basic_status status;
      raft_rawnode_basic_status(s->raft, &status);
      bool pre = status.soft_state.role == RAFT_PRE_CANDIDATE;
      raft_message vote = {.type = pre ? RAFT_MSG_PRE_VOTE_RESP : RAFT_MSG_VOTE_RESP,
                           .from = from,
                           .to = SELF,
                           .term = status.hard_state.term + (pre ? 1 : 0)};
      expect(s, raft_rawnode_step(s->raft, &vote));
    }
  }
}

/* The others say that they have what this node has. */
static void acknowledge(subject *s) {
  for (uint64_t from = 2; from <= PEERS && s->raft != NULL; from++) {
    raft_basic_status status;
    raft_rawnode_basic_status(s->raft, &status);
    raft_message done = {.type = RAFT_MSG_APP_RESP,
                         .from = from,
                         .to = SELF,
                         .term = status.hard_state.term,
                         .index = status.last_index};
    expect(s, raft_rawnode_step(s->raft, &done));
  }
}

static void compact(subject *s) {
  raft_basic_status status;
  raft_rawnode_basic_status(s->raft, &status);
  const raft_bytes nothing = {NULL, 0, NULL};
  (void)raft_memory_storage_create_snapshot(s->storage.inner, status.applied, NULL, nothing);
  (void)raft_memory_storage_compact(s->storage.inner, status.applied);
}

static void act(subject *s, fuzz_input *input, unsigned choice) {
  const raft_slice slice = {"entry", 5};
  const raft_bytes context = {"read", 4, NULL};
  switch (choice % 10) {
  case 0: pump(s); break;
  case 1: expect(s, raft_rawnode_tick(s->raft)); break;
  case 2: expect(s, raft_rawnode_propose(s->raft, &slice, 1)); break;
  case 3: elect(s); break;
  case 4: acknowledge(s); break;
  case 5: forge(s, input); break;
  case 6: expect(s, raft_rawnode_read_index(s->raft, &context)); break;
  case 7: compact(s); break;
  case 8: expect(s, raft_rawnode_transfer_leader(s->raft, choice / 10 % 5)); break;
  default:
    raft_rawnode_close(s->raft);
    s->raft = NULL;
    break;
  }
}

static void begin(subject *s, fuzz_input *input) {
  static const uint64_t voters[PEERS] = {1, 2, 3};
  const raft_conf_state members = {.voters = {voters, PEERS}};
  unsigned options = input_byte(input);
  memset(s, 0, sizeof *s);
  fuzz_require(raft_memory_storage_open(NULL, &s->storage.inner) == RAFT_OK);
  fuzz_require(raft_memory_storage_set_conf_state(s->storage.inner, &members) == RAFT_OK);
  s->storage.truth = raft_memory_storage_interface(s->storage.inner);
  s->storage.input = input;
  s->storage.honesty = input_byte(input);
  s->storage.iface = LIAR;
  s->storage.iface.ctx = &s->storage;
  raft_config_init(&s->config);
  s->config.id = SELF;
  s->config.storage = &s->storage.iface;
  s->config.pre_vote = (options & 1) != 0;
  s->config.async_storage_writes = (options & 2) != 0;
  s->config.max_size_per_message = (options & 4) != 0 ? 0 : 1 << 20;
  s->config.max_committed_size_per_ready = (options & 8) != 0 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static subject s;
  fuzz_input input = {data, size};
  begin(&s, &input);
  for (int step = 0; step < STEPS_MOST && !input_is_over(&input); step++) {
    open_raft(&s);
    unsigned choice = input_byte(&input);
    if (s.raft != NULL) {
      act(&s, &input, choice);
    }
  }
  raft_rawnode_close(s.raft);
  raft_memory_storage_close(s.storage.inner);
  return 0;
}
