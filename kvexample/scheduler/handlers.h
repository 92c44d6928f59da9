/* handlers.h - one function a call: fills the response.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_SCHEDULER_HANDLERS_H
#define KV_SCHEDULER_HANDLERS_H

#include "scheduler/state.h"

typedef void (*kv_scheduler_handler)(kv_scheduler *s, const kv_scheduler_request *request,
                                     kv_scheduler_response *response);

/* request_stores.c */
void kv_handle_put_store(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response);
void kv_handle_store_heartbeat(kv_scheduler *s, const kv_scheduler_request *request,
                               kv_scheduler_response *response);
void kv_handle_get_store(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response);
void kv_handle_list_stores(kv_scheduler *s, const kv_scheduler_request *request,
                           kv_scheduler_response *response);
void kv_handle_drain_store(kv_scheduler *s, const kv_scheduler_request *request,
                           kv_scheduler_response *response);
void kv_handle_undrain_store(kv_scheduler *s, const kv_scheduler_request *request,
                             kv_scheduler_response *response);
void kv_handle_remove_tombstone(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response);
/* Is the sender a store that may speak? False: the response says why not. */
bool kv_handle_sender(const kv_scheduler *s, const kv_scheduler_request *request,
                      kv_scheduler_response *response);

/* request_regions.c */
void kv_handle_bootstrap(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response);
void kv_handle_alloc_ids(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response);
void kv_handle_region_heartbeat(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response);
void kv_handle_ask_split(kv_scheduler *s, const kv_scheduler_request *request,
                         kv_scheduler_response *response);
void kv_handle_get_region(kv_scheduler *s, const kv_scheduler_request *request,
                          kv_scheduler_response *response);
void kv_handle_scan_regions(kv_scheduler *s, const kv_scheduler_request *request,
                            kv_scheduler_response *response);

/* request_operators.c */
void kv_handle_add_operator(kv_scheduler *s, const kv_scheduler_request *request,
                            kv_scheduler_response *response);
void kv_handle_list_operators(kv_scheduler *s, const kv_scheduler_request *request,
                              kv_scheduler_response *response);
void kv_handle_operator_history(kv_scheduler *s, const kv_scheduler_request *request,
                                kv_scheduler_response *response);
void kv_handle_cancel_operator(kv_scheduler *s, const kv_scheduler_request *request,
                               kv_scheduler_response *response);

/* Sets status and text. */
void kv_response_fail(kv_scheduler_response *response, kv_scheduler_status status,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* By an error code: nothing for KV_OK. */
void kv_response_code(kv_scheduler_response *response, int code, const char *what);

#endif
