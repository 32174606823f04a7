# What doxygen reads in place of a header: headers are written for people, and doxygen needs some things spelt out.
# No line is added or removed, so that the line numbers in doxygen's warnings are those of the header.
# SPDX-License-Identifier: MIT
#
# - The comment at the top describes the file.
# - What lies below "// ---- details ----", up to the next line of this kind at the left margin, is left out, and so is
#   what follows the end of namespace weft: specializations, which doxygen does not understand.
# - A template that is one for the compiler's sake only (detail/config.hpp) is shown as the function that it is.

NR == 1 { in_intro = 1 }
in_intro {
  if (/^#pragma once/) in_intro = 0
  else if (/SPDX-License-Identifier/) $0 = "//! \\file"
  else sub(/^\/\//, "//!")
  print
  next
}

/^ *template <class = detail::only_if_used>$/ { $0 = "" }
/^\/\/ ---- / { in_details = /^\/\/ ---- details ----$/ }
/^namespace weft/ { behind = 0 }
/^}  \/\/ namespace weft$/ { in_details = 0 }
{ print in_details || behind ? "" : $0 }
/^}  \/\/ namespace weft$/ { behind = 1 }
