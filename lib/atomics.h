/* SPDX-License-Identifier: MIT */
/*
 * atomics.h - fences, and waiting a moment, as this library needs them.
 *
 * ThreadSanitizer knows no fences. Its builds turn a full fence into a read-modify-write of one
 * word that all threads share, and rely on acquire and release on the accesses themselves for the
 * rest.
 */
#ifndef SHMRING_ATOMICS_H
#define SHMRING_ATOMICS_H

#include <stdatomic.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define SHMRING_TSAN_BUILD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHMRING_TSAN_BUILD 1
#endif
#endif

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define cold_path           __attribute__((cold, noinline))

#ifdef SHMRING_TSAN_BUILD
extern _Atomic uint64_t tsan_fence_word;
static inline void fence_full(void)
{
	atomic_fetch_add_explicit(&tsan_fence_word, 1, memory_order_seq_cst);
}
static inline void fence_acquire(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}
static inline void fence_release(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}
/*
 * A member of a group that starts in the middle of a batch has it from the tail, which another one
 * moved after it had seen the batch; without fences that is lost.
 */
#define withheld_order memory_order_release
#define not_seen_by_tsan __attribute__((no_sanitize("thread"), noinline))
uint64_t load_unseen(const _Atomic uint64_t *word);
#else
/*
 * On x86-64 a locked operation on the stack orders as mfence does, at a third of its cost. clang
 * would use mfence.
 */
static inline void fence_full(void)
{
#if defined(__x86_64__)
	__asm__ __volatile__("lock; orq $0, (%%rsp)" ::: "memory", "cc");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}
static inline void fence_acquire(void)
{
	atomic_thread_fence(memory_order_acquire);
}
static inline void fence_release(void)
{
	atomic_thread_fence(memory_order_release);
}
#define withheld_order memory_order_relaxed
#define not_seen_by_tsan
#endif

/*
 * Loads, with acquire, a word where a record starts, or started: whoever does not gate may be
 * lapped and find some newer record's payload there, written with plain stores, and learns that
 * from `floor` afterwards. To ThreadSanitizer that would be a race.
 */
static inline uint64_t load_record_word(const _Atomic uint64_t *word, _Bool gates)
{
#ifdef SHMRING_TSAN_BUILD
	if (!gates)
		return load_unseen(word);
#else
	(void)gates;
#endif
	return atomic_load_explicit(word, memory_order_acquire);
}

/*
 * Lets the other hyperthread run, and the line that is polled arrive. How long it takes differs
 * between processors.
 */
static inline void cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#else
	__asm__ __volatile__("" ::: "memory");
#endif
}

#endif
