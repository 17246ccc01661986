/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include "last.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __executable_start[], etext[];

struct function {
	uint64_t start, end; /* offsets from the start of the program */
	const char *name;
	bool visited;
};

static struct function *functions;
static size_t count;
enum {
	VISITED = 1,
	VISITED_BADLY = 2,
};
static unsigned char *visited; /* a byte per byte of text */
static uint64_t linked_at;     /* of a program that is not position-independent */
static uint64_t cold_end;      /* the cold part of the text ends where the next part begins */

static uint64_t offset_of(const void *address)
{
	return (uint64_t)((const char *)address - __executable_start);
}

static uint64_t text_size(void)
{
	return offset_of(etext);
}

static int by_start(const void *one, const void *other)
{
	const struct function *a = one, *b = other;

	return a->start < b->start ? -1 : a->start > b->start;
}

static struct function *find(uint64_t offset)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (functions[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && functions[low].start <= offset ? &functions[low] : NULL;
}

static bool library_offset(uint64_t offset)
{
	const uint64_t cold = offset_of((const void *)(uintptr_t)last_of_the_cold);
	const uint64_t normal = offset_of((const void *)(uintptr_t)last_of_the_program);

	return (offset > cold && offset < cold_end) || offset > normal;
}

static void take_functions(const char *image, const Elf64_Shdr *table, const char *strings)
{
	const Elf64_Sym *symbol = (const void *)(image + table->sh_offset);
	const size_t symbols = table->sh_size / sizeof(*symbol);

	functions = calloc(symbols, sizeof(*functions));
	for (size_t i = 0; functions && i < symbols; i++, symbol++) {
		if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_size == 0 ||
		    symbol->st_shndx == SHN_UNDEF)
			continue;
		functions[count++] = (struct function){
			.start = symbol->st_value - linked_at,
			.end = symbol->st_value - linked_at + symbol->st_size,
			.name = strings + symbol->st_name,
		};
	}
	qsort(functions, count, sizeof(*functions), by_start);
}

static uint64_t start_of(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(functions[i].name, name) == 0)
			return functions[i].start;
	return UINT64_MAX;
}

/* Every function of the API has to be the library's, and nothing else with a name that programs
 * have. */
static const char *boundary_check(void)
{
	unsigned int interface = 0;
	uint64_t start = start_of("_start"), main_start = start_of("main");

	cold_end = start < main_start ? start : main_start;
	for (size_t i = 0; i < count; i++) {
		const bool public = strncmp(functions[i].name, "shmring_", 8) == 0;
		const bool cut = strchr(functions[i].name, '.') != NULL; /* a part of a function */

		if (public && !library_offset(functions[i].start))
			return "the library's functions are not where they are looked for";
		if (!cut && library_offset(functions[i].start) &&
		    (strncmp(functions[i].name, "stepper_", 8) == 0 ||
		     strcmp(functions[i].name, "main") == 0))
			return "the program's functions are among the library's";
		interface += public;
	}
	return interface ? NULL : "the library is not linked into the program";
}

const char *symbols_read(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const Elf64_Ehdr *header;
	const Elf64_Shdr *section;
	struct stat status;
	const char *image;

	if (fd < 0 || fstat(fd, &status) != 0)
		return "the program's file cannot be read";
	image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		return "the program's file cannot be mapped";
	header = (const void *)image;
	section = (const void *)(image + header->e_shoff);
	linked_at = header->e_type == ET_EXEC ? (uint64_t)(uintptr_t)__executable_start : 0;
	for (unsigned int i = 0; i < header->e_shnum; i++)
		if (section[i].sh_type == SHT_SYMTAB)
			take_functions(image, &section[i],
				       image + section[section[i].sh_link].sh_offset);
	visited = calloc(1, text_size());
	if (!functions || !visited)
		return "the program has no symbols";
	return boundary_check();
}

bool symbols_in_library(uint64_t address)
{
	const uint64_t offset = address - (uint64_t)(uintptr_t)__executable_start;

	return offset < text_size() && library_offset(offset);
}

void symbols_name(uint64_t address, char *text, size_t size)
{
	const uint64_t offset = address - (uint64_t)(uintptr_t)__executable_start;
	const struct function *function = find(offset);

	if (function)
		snprintf(text, size, "%s+%#llx", function->name,
			 (unsigned long long)(offset - function->start));
	else
		snprintf(text, size, "?");
}

void symbols_visit(uint64_t address, bool well)
{
	const uint64_t offset = address - (uint64_t)(uintptr_t)__executable_start;
	struct function *function;

	if (!symbols_in_library(address))
		return;
	if (visited[offset] != VISITED_BADLY)
		visited[offset] = well ? VISITED : VISITED_BADLY;
	function = find(offset);
	if (function)
		function->visited = true;
}

struct visits symbols_visits(void)
{
	struct visits visits = { 0 };

	for (uint64_t offset = 0; offset < text_size(); offset++) {
		visits.addresses += visited[offset] != 0;
		visits.well += visited[offset] == VISITED;
	}
	for (size_t i = 0; i < count; i++)
		visits.functions += functions[i].visited;
	return visits;
}

static bool filling(const char *instruction)
{
	return strstr(instruction, "nop") || strstr(instruction, "xchg   %ax,%ax") ||
	       strstr(instruction, "data16");
}

unsigned int symbols_static(unsigned int *strange)
{
	char command[128], line[512];
	unsigned int instructions = 0, met = 0;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "objdump -d --no-show-raw-insn /proc/%ld/exe 2>/dev/null", (long)getpid());
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe)) {
		unsigned long long offset;
		char colon;

		if (sscanf(line, " %llx%c", &offset, &colon) == 2 && colon == ':' &&
		    offset - linked_at < text_size()) {
			const struct function *function = find(offset - linked_at);

			if (function && function->visited &&
			    (visited[offset - linked_at] || !filling(line)))
				instructions++;
			met += visited[offset - linked_at] != 0;
		}
	}
	if (pipe)
		pclose(pipe);
	*strange = instructions ? symbols_visits().addresses - met : 0;
	return instructions;
}
