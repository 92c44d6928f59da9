/* command_table.c - every Redis command that this store understands, one row each.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "resp/command_table.h"

#define KEY_ONE         .first_key = 1, .last_key = 1, .key_step = 1
#define KEYS_ALL(width) .first_key = 1, .last_key = -1, .key_step = (width)
#define ROWS(table)     .children = (table), .child_count = sizeof(table) / sizeof *(table)

static const char CONNECTION[] = "connection";
static const char GENERIC[] = "generic";
static const char SERVER[] = "server";
static const char STRING[] = "string";
static const char STORE[] = "store";

enum {
  WRITE = KV_CMD_WRITE,
  WRITE_FAST = KV_CMD_WRITE | KV_CMD_FAST,
  READ = KV_CMD_READONLY,
  READ_FAST = KV_CMD_READONLY | KV_CMD_FAST,
  FAST = KV_CMD_FAST,
  ADMIN = KV_CMD_ADMIN
};

static const kv_command_row client_rows[] = {
    {"getname", 2, FAST, .group = CONNECTION, .summary = "The name of this connection",
     .run = kv_run_client_getname},
    {"id", 2, FAST, .group = CONNECTION, .summary = "The number of this connection",
     .run = kv_run_client_id},
    {"info", 2, 0, .group = CONNECTION, .summary = "What is known about this connection",
     .run = kv_run_host, .host = KV_HOST_CLIENT_INFO},
    {"list", -2, ADMIN, .group = CONNECTION, .summary = "What is known about all connections",
     .run = kv_run_host, .host = KV_HOST_CLIENT_LIST},
    {"no-evict", 3, ADMIN, .group = CONNECTION, .summary = "Accepted: connections are not evicted",
     .run = kv_run_client_switch},
    {"no-touch", 3, FAST, .group = CONNECTION, .summary = "Accepted: keys have no access times",
     .run = kv_run_client_switch},
    {"setinfo", 4, FAST, .group = CONNECTION,
     .summary = "Names the client library: LIB-NAME or LIB-VER", .run = kv_run_client_setinfo},
    {"setname", 3, FAST, .group = CONNECTION, .summary = "Names this connection",
     .run = kv_run_client_setname},
};

static const kv_command_row command_rows[] = {
    {"count", 2, FAST, .group = SERVER, .summary = "The number of commands",
     .run = kv_run_command_count},
    {"docs", -2, 0, .group = SERVER, .summary = "Summaries of commands",
     .run = kv_run_command_docs},
    {"info", -2, 0, .group = SERVER, .summary = "Arity, flags and keys of commands",
     .run = kv_run_command_info},
    {"list", 2, 0, .group = SERVER, .summary = "The names of all commands",
     .run = kv_run_command_list},
};

static const kv_command_row config_rows[] = {
    {"get", -3, ADMIN, .group = SERVER, .summary = "Settings whose names match a pattern",
     .run = kv_run_config_get},
    {"resetstat", 2, ADMIN, .group = SERVER,
     .summary = "Accepted: counters run from the start of the server", .run = kv_run_ok},
};

const kv_command_row kv_command_rows[] = {
    {"append", 3, WRITE_FAST, KEY_ONE, .group = STRING,
     .summary = "Appends to a value and answers the new length", .run = kv_run_plain,
     .op = KV_OP_APPEND},
    {"asking", 1, FAST, .group = "cluster", .summary = "Refused: this is no Redis Cluster",
     .run = kv_run_no_cluster},
    {"auth", -2, FAST, .group = CONNECTION, .summary = "Refused: no password is set",
     .run = kv_run_auth},
    {"client", -2, 0, .group = CONNECTION, .summary = "About connections", .run = kv_run_children,
     ROWS(client_rows)},
    {"cluster", -2, 0, .group = "cluster", .summary = "Refused: this is no Redis Cluster",
     .run = kv_run_no_cluster},
    {"command", -1, 0, .group = SERVER, .summary = "About commands", .run = kv_run_command,
     ROWS(command_rows)},
    {"config", -2, ADMIN, .group = SERVER, .summary = "About settings", .run = kv_run_children,
     ROWS(config_rows)},
    {"dbsize", 1, READ_FAST, .group = SERVER, .summary = "The number of keys", .run = kv_run_plain,
     .op = KV_OP_DBSIZE},
    {"decr", 2, WRITE_FAST, KEY_ONE, .group = STRING, .summary = "Subtracts one from a number",
     .run = kv_run_count, .op = KV_OP_INCRBY},
    {"decrby", 3, WRITE_FAST, KEY_ONE, .group = STRING, .summary = "Subtracts from a number",
     .run = kv_run_count, .op = KV_OP_INCRBY},
    {"del", -2, WRITE, KEYS_ALL(1), .group = GENERIC,
     .summary = "Deletes keys and answers how many there were", .run = kv_run_plain,
     .op = KV_OP_DEL},
    {"echo", 2, FAST, .group = CONNECTION, .summary = "Answers its argument", .run = kv_run_echo},
    {"exists", -2, READ_FAST, KEYS_ALL(1), .group = GENERIC,
     .summary = "Counts the keys that are there", .run = kv_run_plain, .op = KV_OP_EXISTS},
    {"get", 2, READ_FAST, KEY_ONE, .group = STRING, .summary = "The value of a key",
     .run = kv_run_plain, .op = KV_OP_GET},
    {"getdel", 2, WRITE_FAST, KEY_ONE, .group = STRING,
     .summary = "Answers the value of a key and deletes it", .run = kv_run_plain,
     .op = KV_OP_GETDEL},
    {"getset", 3, WRITE_FAST, KEY_ONE, .group = STRING,
     .summary = "Sets a value and answers the one before", .run = kv_run_plain, .op = KV_OP_SET,
     .op_flags = KV_FLAG_GET},
    {"hello", -1, FAST, .group = CONNECTION, .summary = "Chooses protocol 2 or 3",
     .run = kv_run_hello},
    {"incr", 2, WRITE_FAST, KEY_ONE, .group = STRING, .summary = "Adds one to a number",
     .run = kv_run_count, .op = KV_OP_INCRBY},
    {"incrby", 3, WRITE_FAST, KEY_ONE, .group = STRING, .summary = "Adds to a number",
     .run = kv_run_count, .op = KV_OP_INCRBY},
    {"info", -1, 0, .group = SERVER, .summary = "What is known about this server",
     .run = kv_run_host, .host = KV_HOST_INFO},
    {"kv.addpeer", 3, ADMIN, .group = STORE,
     .summary = "Adds a store, given its id and address, to the replicas", .run = kv_run_admin,
     .host = KV_HOST_ADD_PEER},
    {"kv.cas", 4, WRITE_FAST, KEY_ONE, .group = STORE,
     .summary = "Sets a value if it is the expected one: key expected value", .run = kv_run_plain,
     .op = KV_OP_CAS},
    {"kv.checksum", -1, ADMIN, .group = STORE,
     .summary = "Hash of this store's data of a region, or of its only one", .run = kv_run_admin,
     .host = KV_HOST_CHECKSUM},
    {"kv.compact", -1, ADMIN, .group = STORE,
     .summary = "Cuts the raft log, up to an index if one is given", .run = kv_run_admin,
     .host = KV_HOST_COMPACT},
    {"kv.removepeer", 2, ADMIN, .group = STORE,
     .summary = "Removes a store, given its id, from the replicas", .run = kv_run_admin,
     .host = KV_HOST_REMOVE_PEER},
    {"kv.status", 1, ADMIN, .group = STORE,
     .summary = "Regions, roles and progress as this store sees them", .run = kv_run_host,
     .host = KV_HOST_STATUS},
    {"kv.transfer", 2, ADMIN, .group = STORE, .summary = "Makes a store, given its id, the leader",
     .run = kv_run_admin, .host = KV_HOST_TRANSFER},
    {"mget", -2, READ_FAST, KEYS_ALL(1), .group = STRING, .summary = "The values of keys",
     .run = kv_run_plain, .op = KV_OP_MGET},
    {"mset", -3, WRITE, KEYS_ALL(2), .group = STRING,
     .summary = "Sets keys and values, all or none", .run = kv_run_mset, .op = KV_OP_MSET},
    {"ping", -1, FAST, .group = CONNECTION, .summary = "Answers PONG, or its argument",
     .run = kv_run_ping},
    {"pttl", 2, READ_FAST, KEY_ONE, .group = GENERIC,
     .summary = "-1, or -2 for a missing key: keys do not expire", .run = kv_run_plain,
     .op = KV_OP_TTL},
    {"quit", -1, FAST, .group = CONNECTION, .summary = "Closes this connection",
     .run = kv_run_quit},
    {"readonly", 1, FAST, .group = "cluster", .summary = "Refused: this is no Redis Cluster",
     .run = kv_run_no_cluster},
    {"readwrite", 1, FAST, .group = "cluster", .summary = "Refused: this is no Redis Cluster",
     .run = kv_run_no_cluster},
    {"reset", 1, FAST, .group = CONNECTION, .summary = "Makes this connection as it was when new",
     .run = kv_run_reset},
    {"scan", -2, READ, .group = GENERIC, .summary = "Some keys, and a cursor for the next call",
     .run = kv_run_scan, .op = KV_OP_SCAN},
    {"select", 2, FAST, .group = CONNECTION, .summary = "Accepted for database 0, the only one",
     .run = kv_run_select},
    {"set", -3, WRITE, KEY_ONE, .group = STRING, .summary = "Sets a value", .run = kv_run_set,
     .op = KV_OP_SET},
    {"setnx", 3, WRITE_FAST, KEY_ONE, .group = STRING,
     .summary = "Sets a value if there is no such key", .run = kv_run_plain, .op = KV_OP_SET,
     .op_flags = KV_FLAG_NX | KV_FLAG_INT},
    {"strlen", 2, READ_FAST, KEY_ONE, .group = STRING, .summary = "The length of a value in bytes",
     .run = kv_run_plain, .op = KV_OP_STRLEN},
    {"time", 1, FAST, .group = SERVER, .summary = "The time of this server", .run = kv_run_host,
     .host = KV_HOST_TIME},
    {"ttl", 2, READ_FAST, KEY_ONE, .group = GENERIC,
     .summary = "-1, or -2 for a missing key: keys do not expire", .run = kv_run_plain,
     .op = KV_OP_TTL},
    {"type", 2, READ_FAST, KEY_ONE, .group = GENERIC, .summary = "string, or none",
     .run = kv_run_plain, .op = KV_OP_TYPE},
    {"unlink", -2, WRITE_FAST, KEYS_ALL(1), .group = GENERIC,
     .summary = "Deletes keys and answers how many there were", .run = kv_run_plain,
     .op = KV_OP_DEL},
};

const size_t kv_command_row_count = sizeof kv_command_rows / sizeof *kv_command_rows;
