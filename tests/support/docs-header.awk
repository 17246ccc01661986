# SPDX-License-Identifier: MIT
# What the public header declares, for shmring(3) to be compared with, one a line:
#   prototype TEXT    error CODE    raises FUNCTION CODE    name STRUCTURE-OR-MEMBER-OR-CONSTANT
function squeeze(text) {
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text)
	sub(/ $/, "", text)
	return text
}

# The list of all errors: lines of "*   -ECODE  text".
/^ \* SHMRING_ERRORS/ { listing = 1 }
listing && /^ \*\// { listing = 0 }
listing && /^ \*   -E[A-Z]+/ { sub(/^-/, "", $2); print "error", $2 }

# The comment before a function: what it says behind "Errors:".
/^\/\*/ { comment = "" }
/^(\/\*| \*)/ { comment = comment " " $0 }

/^SHMRING_API/ { declaring = 1; declaration = "" }
declaring { declaration = declaration " " $0 }
declaring && /;/ {
	declaring = 0
	sub(/SHMRING_API/, "", declaration)
	sub(/;.*/, "", declaration)
	declaration = squeeze(declaration)
	print "prototype", declaration
	name = declaration
	sub(/\(.*/, "", name)
	sub(/.*[^a-z0-9_]/, "", name)
	if (sub(/.*Errors:/, "", comment))
		while (match(comment, /-E[A-Z]+/)) {
			print "raises", name, substr(comment, RSTART + 1, RLENGTH - 1)
			comment = substr(comment, RSTART + RLENGTH)
		}
	comment = ""
	next
}

$1 == "#define" && $2 ~ /^SHMRING_[A-Z_]+$/ && NF > 2 && $2 != "SHMRING_API" { print "name", $2 }
$1 == "struct" && $3 == "{" { print "name", $2; inside = 1; next }
$1 == "enum" && $3 == "{" { inside = 2; next }
/^}/ { inside = 0 }
inside == 1 && sub(/;.*/, "") {
	sub(/\[.*/, "")
	sub(/.*[^a-z0-9_]/, "")
	print "name", $0
}
inside == 2 && $1 ~ /^SHMRING_/ { print "name", $1 }
