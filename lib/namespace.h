/* SPDX-License-Identifier: MIT */
/*
 * namespace.h - what the library's files share among themselves, named so that it cannot collide
 * with what a program calls its own things: the linker sees all these names in a static library.
 * Every file of the library is compiled with this one included first.
 * tests/support/check-symbols.sh fails for a name that is missing here.
 */
#ifndef SHMRING_NAMESPACE_H
#define SHMRING_NAMESPACE_H

#define check_control            shmring__check_control
#define check_data               shmring__check_data
#define check_report             shmring__check_report
#define clock_coarse_ns          shmring__clock_coarse_ns
#define clock_ns                 shmring__clock_ns
#define clock_wall_ns            shmring__clock_wall_ns
#define consumer_ended           shmring__consumer_ended
#define consumer_lapped          shmring__consumer_lapped
#define consumer_mark            shmring__consumer_mark
#define consumer_resume          shmring__consumer_resume
#define consumer_room_look       shmring__consumer_room_look
#define consumer_settle          shmring__consumer_settle
#define deadline_after           shmring__deadline_after
#define deadline_left            shmring__deadline_left
#define floor_advance            shmring__floor_advance
#define floor_patience           shmring__floor_patience
#define floor_take_over          shmring__floor_take_over
#define fork_hold shmring__fork_hold
#define fork_release shmring__fork_release
#define futex_wait               shmring__futex_wait
#define futex_wake               shmring__futex_wake
#define handle_close             shmring__handle_close
#define handle_open              shmring__handle_open
#define handle_open_lock shmring__handle_open_lock
#define header_check             shmring__header_check
#define header_checksum          shmring__header_checksum
#define header_read              shmring__header_read
#define header_read_unchecked    shmring__header_read_unchecked
#define index_first_at           shmring__index_first_at
#define index_forget             shmring__index_forget
#define index_last_below         shmring__index_last_below
#define index_lookup             shmring__index_lookup
#define index_store              shmring__index_store
#define index_time               shmring__index_time
#define index_touch              shmring__index_touch
#define list_is_orphan           shmring__list_is_orphan
#define load_unseen              shmring__load_unseen
#define lock_drop                shmring__lock_drop
#define lock_held                shmring__lock_held
#define lock_take                shmring__lock_take
#define lock_wait                shmring__lock_wait
#define magic_read               shmring__magic_read
#define mapping_drop             shmring__mapping_drop
#define mapping_forked           shmring__mapping_forked
#define mapping_make             shmring__mapping_make
#define name_check_ring          shmring__name_check_ring
#define name_check_subscription  shmring__name_check_subscription
#define name_of_control          shmring__name_of_control
#define options_copy             shmring__options_copy
#define path_of_control          shmring__path_of_control
#define path_of_data             shmring__path_of_data
#define path_of_file             shmring__path_of_file
#define pause_for_ns             shmring__pause_for_ns
#define producer_drop            shmring__producer_drop
#define producer_make_room       shmring__producer_make_room
#define producer_place           shmring__producer_place
#define producer_set_limit       shmring__producer_set_limit
#define random_fill              shmring__random_fill
#define report_check             shmring__report_check
#define report_copy              shmring__report_copy
#define segment_attach           shmring__segment_attach
#define segment_close            shmring__segment_close
#define segment_detach           shmring__segment_detach
#define segment_forked           shmring__segment_forked
#define segment_removed          shmring__segment_removed
#define spin_init                shmring__spin_init
#define spin_paid                shmring__spin_paid
#define spin_slept               shmring__spin_slept
#define subscription_activate    shmring__subscription_activate
#define subscription_count       shmring__subscription_count
#define subscription_evict       shmring__subscription_evict
#define subscription_evict_named shmring__subscription_evict_named
#define subscription_free_named  shmring__subscription_free_named
#define subscription_gate        shmring__subscription_gate
#define subscription_join        shmring__subscription_join
#define subscription_keep        shmring__subscription_keep
#define subscription_leave       shmring__subscription_leave
#define subscription_reap        shmring__subscription_reap
#define subscription_reopen      shmring__subscription_reopen
#define subscription_ring_room   shmring__subscription_ring_room
#define table_lock               shmring__table_lock
#define table_unlock             shmring__table_unlock
#define tsan_fence_word          shmring__tsan_fence_word
#define wake_sleepers            shmring__wake_sleepers
#define walk_end                 shmring__walk_end
#define walk_floor               shmring__walk_floor
#define walk_head                shmring__walk_head
#define walk_reached             shmring__walk_reached
#define walk_record              shmring__walk_record
#define walk_sequence            shmring__walk_sequence
#define walk_to_sequence         shmring__walk_to_sequence
#define walk_to_time             shmring__walk_to_time

#endif
