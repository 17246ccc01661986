# SPDX-License-Identifier: MIT
# Reads layout.h, then the other sources of the library; prints each label and what is wrong with it, if anything.
# check-labels.sh says what is asked of a label.
function fail(label, what)
{
	problems[label] = problems[label] what "\n"
}

# A whole comment: the marks in it, each from its label to the next one. A label that does not open the comment and has no
# "pairs with" only mentions the edge.
function marks(comment, where, line,    label, rest, target, opens)
{
	opens = (comment ~ /^[ \t*]*\[[A-Z][A-Z0-9_-]*\]/)
	for (; match(comment, /\[[A-Z][A-Z0-9_-]*\]/); opens = 0) {
		label = substr(comment, RSTART, RLENGTH)
		used[label] = 1
		comment = substr(comment, RSTART + RLENGTH)
		rest = comment
		if (match(rest, /\[[A-Z][A-Z0-9_-]*\]/))
			rest = substr(rest, 1, RSTART - 1)
		if (!sub(/^.*pairs with/, "", rest)) {
			if (opens)
				fail(label, where ":" line ": no \"pairs with FILE:FUNCTION()\"")
			continue
		}
		if (!((label, where) in marked))
			ends[label]++
		marked[label, where] = 1
		if (rest !~ /[a-z0-9_]+\.[ch]:[a-z0-9_]+/)
			fail(label, where ":" line ": no FILE:FUNCTION() after \"pairs with\"")
		while (match(rest, /[a-z0-9_]+\.[ch]:[a-z0-9_]+/)) {
			target = substr(rest, RSTART, RLENGTH)
			rest = substr(rest, RSTART + RLENGTH)
			promises[++promised] = label SUBSEP where ":" line SUBSEP target
		}
	}
}

FNR == 1 {
	file = FILENAME
	sub(/.*\//, "", file)
	function_name = comment = ""
	in_comment = 0
	in_table = (file == "layout.h")
}

# A definition starts at the margin with a name and a parenthesis; its body starts with a brace at the margin.
!in_comment && /^[a-z_].*[a-z0-9_]\(/ {
	candidate = $0
	sub(/\(.*/, "", candidate)
	sub(/.*[^a-z0-9_]/, "", candidate)
}
!in_comment && /^}/ {
	function_name = ""
}
!in_comment && /^{/ {
	function_name = candidate
	defined[file ":" function_name] = 1
}

# The table: everything in layout.h before its first line of code.
in_table && !in_comment && /^[#a-z]/ {
	in_table = 0
}
in_table {
	rest = $0
	if (match(rest, /^[ \t\/*]*\[[A-Z][A-Z0-9_-]*\]/)) {
		label = substr(rest, RSTART, RLENGTH)
		sub(/^[^[]*/, "", label)
		table[label] = 1
	}
}

{
	text = $0
	while (text != "") {
		if (!in_comment) {
			at = index(text, "/*")
			if (!at)
				break
			text = substr(text, at + 2)
			in_comment = 1
			comment = ""
			comment_line = FNR
		}
		at = index(text, "*/")
		if (!at) {
			comment = comment " " text
			break
		}
		comment = comment " " substr(text, 1, at - 1)
		text = substr(text, at + 2)
		in_comment = 0
		if (!in_table)
			marks(comment, file ":" function_name, comment_line)
	}
}

END {
	for (i = 1; i <= promised; i++) {
		split(promises[i], promise, SUBSEP)
		if (!(promise[3] in defined))
			fail(promise[1], promise[2] ": there is no function " promise[3])
		else if (!((promise[1], promise[3]) in marked))
			fail(promise[1], promise[2] ": " promise[3] " has no mark " promise[1])
	}
	for (label in used)
		if (!(label in table))
			fail(label, label " is not in the table of layout.h")
	for (label in table)
		if (ends[label] < 2)
			fail(label, label " is marked in " (ends[label] + 0) " functions; an edge has two ends")
	for (label in table)
		labels[label] = 1
	for (label in problems)
		labels[label] = 1
	for (label in labels) {
		problem = problems[label]
		gsub(/\n/, "; ", problem)
		print label " " problem
	}
}
