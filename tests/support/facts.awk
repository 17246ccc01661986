# SPDX-License-Identifier: MIT
# Writes a C program that prints what the given headers say, for documents to be compared with: `NAME VALUE` for each
# constant, and `TYPE.MEMBER OFFSET SIZE` for each member of each structure that lies in shared memory.
function macro(name) { body = body "\tnumber(\"" name "\", (unsigned long long)(" name "));\n" }
function member(type, name) {
	body = body "\tmember(\"" type "." name "\", offsetof(struct " type ", " name "), sizeof(((struct " type \
		" *)0)->" name "));\n"
}

{ text = text $0 "\n" }

END {
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", text)
	lines = split(text, line, "\n")
	for (i = 1; i <= lines; i++) {
		$0 = line[i]
		if ($1 == "#define" && $2 ~ /^[A-Z0-9_]+$/ && NF > 2 && $3 !~ /^(SHMRING_SIZED|__attribute__)/)
			macro($2)
		else if ($1 == "#define" && $2 ~ /^LOCK_[A-Z]+\(/)
			macro("LOCK_MEMBER(0)")
		else if ($1 == "struct" && $2 ~ /^layout_/ && $3 == "{")
			type = $2
		else if ($1 == "enum" && $3 == "{")
			enumerating = 1
		else if ($1 ~ /^}/) {
			if (type != "")
				body = body "\tmember(\"" type "\", 0, sizeof(struct " type "));\n"
			type = ""
			enumerating = 0
		} else if (type != "" && sub(/(\[.*\])?;.*/, "")) {
			sub(/.*[ \t]/, "")
			member(type, $0)
		} else if (enumerating && $1 ~ /^[A-Z0-9_]+$/)
			macro($1)
	}
	print "/* SPDX-License-Identifier: MIT */"
	print "#include <stdio.h>"
	print "#include \"lib/layout.h\""
	print "static void number(const char *name, unsigned long long value) { printf(\"%s %llu\\n\", name, value); }"
	print "static void member(const char *name, size_t offset, size_t size) { printf(\"%s %zu %zu\\n\", name, offset, size); }"
	print "int main(void)\n{\n" body "\treturn 0;\n}"
}
