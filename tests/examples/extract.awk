# SPDX-License-Identifier: MIT
# The program between "example-begin" and "example-end", from a header's comment or a page, as it stands, but for the
# ring's name, which is taken from RING in the environment so that tests can choose it.
BEGIN { print "/* SPDX-License-Identifier: MIT */" }
/example-begin/ { inside = 1; next }
/example-end/ { inside = 0 }
!inside || /^```/ { next }
{ sub(/^ \*\t?/, "") }
/^static const char name\[\] = ".*";$/ {
	print "#include <stdlib.h>"
	print "#define name getenv(\"RING\")"
	named++
	next
}
{ print }
END {
	if (named != 1) {
		print FILENAME ": no example, or none with a ring's name" > "/dev/stderr"
		exit 1
	}
}
