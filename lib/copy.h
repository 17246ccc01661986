/* SPDX-License-Identifier: MIT */
/*
 * copy.h - copies a payload into the ring, whose lines other cores have.
 *
 * For some kilobytes the C library may store vector by vector, and each of them waits for a line to
 * come over that is overwritten whole. The processor's own string instruction need not wait, where
 * it is a fast one (ERMS: Intel 64 and IA-32 Architectures Optimization Reference Manual, 3.7.6), and
 * on AMD only from family 1Ah, Zen 5, on: before, it is slow for some alignments. What it gives is
 * in doc/performance.md. glibc 2.36 copies longer ones like that by itself.
 */
#ifndef SHMRING_COPY_H
#define SHMRING_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define COPY_BY_STRING 1
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && \
	!__has_feature(memory_sanitizer)
#define COPY_BY_STRING 1
#endif
#endif

#ifdef COPY_BY_STRING

#include <cpuid.h>

#define COPY_STRING_LEAST 2048u
#define COPY_STRING_MOST  8191u

static inline bool copy_ask(void)
{
	unsigned int eax, ebx, ecx, edx, family;

	/* Leaf 7: bit 9 of ebx is ERMS. */
	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx >> 9 & 1))
		return false;
	/* Leaf 0: "AuthenticAMD" ends in "cAMD"; leaf 1: the extended family and the family. */
	if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx) || ecx != signature_AMD_ecx)
		return true;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return false;
	family = (eax >> 8 & 15) + (eax >> 20 & 255);
	return family >= 0x1a;
}

/* Asked once, as a hypervisor may take long to answer; it is the same for all threads. */
static inline bool copy_strings_are_fast(void)
{
	static atomic_int known; /* 1: no, 2: yes */
	int answer = atomic_load_explicit(&known, memory_order_relaxed);

	if (answer == 0) {
		answer = 1 + copy_ask();
		atomic_store_explicit(&known, answer, memory_order_relaxed);
	}
	return answer == 2;
}

#endif

static inline void copy_in(void *to, const void *from, size_t length)
{
#ifdef COPY_BY_STRING
	if (length - COPY_STRING_LEAST <= COPY_STRING_MOST - COPY_STRING_LEAST &&
	    copy_strings_are_fast()) {
		__asm__ __volatile__("rep movsb"
				     : "+D"(to), "+S"(from), "+c"(length)
				     :
				     : "memory");
		return;
	}
#endif
	if (length != 0)
		memcpy(to, from, length);
}

#endif
