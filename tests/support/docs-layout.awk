# SPDX-License-Identifier: MIT
# What layout.md says, for layout.h to be compared with, one a line:
#   TYPE.MEMBER OFFSET SIZE    TYPE 0 SIZE    constant NAME VALUE    picture TYPE.MEMBER OFFSET
function cell(i) { gsub(/^ +| +$/, "", column[i]); return column[i] }

/^### / { type = $2 == "struct" ? $3 : "" }
# A picture stands before the structure's own heading.
/^## The data object/ { pictured = "layout_data" }
/^## The control object/ { pictured = "layout_control" }
/^```/ { drawing = !drawing; offset = "" }
drawing && /^ *[0-9]+ \+-/ { offset = $1; next }
drawing && offset != "" && /^ *\| / {
	name = $2
	sub(/[^a-z_].*/, "", name)
	print "picture", pictured "." name, offset
	offset = ""
}

!/^\|/ { next }
{ split($0, column, "|") }
cell(2) ~ /^`[A-Z_0()]+`$/ {
	gsub(/`/, "", column[2])
	print "constant", column[2], cell(3)
}
type != "" && cell(4) ~ /^`[a-z_]+`$/ {
	gsub(/`/, "", column[4])
	print type "." column[4], cell(2), cell(3)
}
type != "" && cell(2) == "" && cell(3) ~ /^[0-9]+$/ { print type, 0, cell(3) }
