/* crc32c.h - the Castagnoli checksum that guards files and frames.
 *
 * Reflected polynomial 0x82f63b78, initial value and final xor of all ones: the value that iSCSI,
 * ext4 and others store. By the instruction of the processor where it has one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_BASE_CRC32C_H
#define KV_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of data appended to bytes whose checksum is crc; 0 for the first bytes. Any thread. */
uint32_t kv_crc32c(uint32_t crc, const void *data, size_t len);

/* The same by table, on any processor: what the instruction is tested against. Any thread. */
uint32_t kv_crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
