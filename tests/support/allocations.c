/* SPDX-License-Identifier: MIT */
/* The executable's malloc takes the place of libc's, also for shared libraries; under a sanitizer, its hooks serve. */
#include "allocations.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic uint64_t count;

/* Relaxed: a counter that orders nothing. */
static void counted(void)
{
	atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}

uint64_t allocations(void)
{
	return atomic_load_explicit(&count, memory_order_relaxed);
}

#if defined(__SANITIZE_ADDRESS__)
#define HOOKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOOKED 1
#endif
#endif

#ifdef HOOKED

int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
					      void (*free_hook)(const volatile void *));

static void on_malloc(const volatile void *memory, size_t size)
{
	(void)memory;
	(void)size;
	counted();
}

static void on_free(const volatile void *memory)
{
	(void)memory;
}

__attribute__((constructor)) static void install(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

#else

/* What glibc calls malloc's implementation. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size);
void *calloc(size_t number, size_t size);
void *realloc(void *memory, size_t size);
void *aligned_alloc(size_t alignment, size_t size);

void *malloc(size_t size)
{
	counted();
	return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	counted();
	return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
	counted();
	return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	counted();
	return __libc_memalign(alignment, size);
}

#endif
