# SPDX-License-Identifier: MIT
# What shmring(3) declares, for the header to be compared with, one a line:
#   prototype TEXT    error CODE    raises FUNCTION CODE
$1 == ".Sh" { section = $2; code = "" }

section == "SYNOPSIS" && $1 == ".Ft" { sub(/^.Ft /, ""); gsub(/"/, ""); type = $0 }
section == "SYNOPSIS" && $1 == ".Fo" { name = $2; arguments = "" }
section == "SYNOPSIS" && $1 == ".Fa" {
	sub(/^.Fa /, "")
	gsub(/\\&/, "")
	gsub(/" "/, ", ")
	gsub(/"/, "")
	arguments = arguments (arguments == "" ? "" : ", ") $0
}
section == "SYNOPSIS" && $1 == ".Fc" { print "prototype", type (type ~ /\*$/ ? "" : " ") name "(" arguments ")" }

section == "ERRORS" && $1 == ".It" { code = $4; print "error", code }
section == "ERRORS" && $1 == ".Fn" && code != "" { print "raises", $2, code }
