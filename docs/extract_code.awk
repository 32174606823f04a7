# Takes the C++ out of a page of the documentation and makes files of it that a compiler can read. check_page.sh runs
# it; contributing.md says how blocks are marked.
# SPDX-License-Identifier: MIT
#
#     awk -v out=FOLDER -v page=NAME -f extract_code.awk PAGE.md
#
# Writes into FOLDER, where N is the line in which a block begins:
#   page.cpp       the pieces ("file", "coroutine"), each after those above it; main() runs the coroutine whose N it is
#                  given
#   N/app.cpp      a whole program
#   N.cpp, N.says  a block that compilers refuse, and what they say
#   N.prints       what the program or the coroutine prints; N.prints-g++12: with g++ 12
#   blocks         a line for each block: kind, N, and for what is refused the g++ versions that do ("all" or "<15")

function fail(line, what) {
  printf "%s:%d: %s\n", page, line, what > "/dev/stderr"
  failed = 1
  exit 1
}

function trim(text) {
  sub(/^[ \t]+/, "", text)
  sub(/[ \t]+$/, "", text)
  return text
}

# What pieces need not include themselves.
function prelude_of(code) {
  return (code ~ /fmt::/ ? "#include <fmt/core.h>\n" : "") \
    (code ~ /weft::/ ? "#include <weft/weft.hpp>\n" : "") \
    (code ~ /weft::memory_stream/ ? "#include <weft/testing/memory_stream_pair.hpp>\n" : "") \
    "#include <chrono>\n#include <cstdio>\n#include <cstdlib>\n#include <exception>\n#include <functional>\n" \
    "#include <map>\n#include <memory>\n#include <optional>\n#include <ranges>\n#include <stdexcept>\n" \
    "#include <string>\n#include <thread>\n#include <tuple>\n#include <utility>\n#include <vector>\n" \
    "using namespace std::chrono_literals;\n"
}

# "KIND[, refused [by g++ before V]: TEXT]", then lines that readers do not see.
function read_marker(text,    first) {
  marker_hidden = ""
  first = text
  if (index(text, "\n") > 0) {
    first = substr(text, 1, index(text, "\n") - 1)
    marker_hidden = substr(text, index(text, "\n") + 1)
  }
  first = trim(first)
  marker_says = ""
  marker_who = ""
  if (match(first, /, refused( by g\+\+ before [0-9]+)?: /)) {
    marker_says = substr(first, RSTART + RLENGTH)
    marker_who = substr(first, RSTART, RLENGTH)
    first = substr(first, 1, RSTART - 1)
    if (marker_who ~ /before/) {
      gsub(/[^0-9]/, "", marker_who)
      marker_who = "<" marker_who
    } else {
      marker_who = "all"
    }
  }
  marker_kind = first
}

function piece(kind, line, hidden, body) {
  body = "#line " (line + 1) "\n" body
  if (kind == "file") return hidden body
  return "namespace at_" line " {\n" hidden "weft::task<> block() {\n" body "  co_return;\n}\n}\n"
}

function end_block(    kind, whole, file) {
  kind = marker_kind
  if (language == "text") {
    if (kind == "") return
    file = kind
    if (!sub(/^prints with g\+\+ /, ".prints-g++", file) && !sub(/^prints$/, ".prints", file)) {
      fail(block_line, "a text block cannot be \"" kind "\"")
    }
    if (last_runnable == 0) fail(block_line, "\"prints\" needs a program or a coroutine before it")
    file = out "/" last_runnable file
    printf "%s", block > file
    close(file)
    last_runnable = 0
    return
  }
  if (language != "cpp") {
    if (kind != "") fail(block_line, "only C++ and text blocks are marked")
    return
  }

  ++blocks
  last_runnable = 0
  if (kind == "") {
    if (block !~ /int main\(/) {
      fail(block_line, "a block that is no whole program needs a mark: see docs/contributing.md")
    }
    last_runnable = block_line
    system("mkdir -p '" out "/" block_line "'")
    file = out "/" block_line "/app.cpp"
    printf "%s", block > file
    close(file)
    print "program", block_line > (out "/blocks")
    return
  }
  if (kind != "file" && kind != "coroutine") fail(block_line, "no kind of block is called \"" kind "\"")
  if (marker_says != "") {
    file = out "/" block_line ".cpp"
    block = pieces piece(kind, block_line, marker_hidden, block)
    printf "%s\nnamespace page {\n%s}\nint main() {}\n", prelude_of(block), block > file
    close(file)
    print marker_says > (out "/" block_line ".says")
    close(out "/" block_line ".says")
    print "refused", block_line, marker_who > (out "/blocks")
    return
  }
  pieces = pieces piece(kind, block_line, marker_hidden, block)
  print kind, block_line > (out "/blocks")
  if (kind == "coroutine") {
    last_runnable = block_line
    cases = cases "    case " block_line ": weft::run(page::at_" block_line "::block(), {.clock = &clock}); return 0;\n"
  }
}

BEGIN { printf "" > (out "/blocks") }

in_fence {
  if (trim($0) == "```") {
    in_fence = 0
    end_block()
    marker_kind = ""
  } else {
    block = block $0 "\n"
  }
  next
}

in_comment {
  if (sub(/-->[ \t]*$/, "")) {
    in_comment = 0
    if (trim($0) != "") comment = comment $0 "\n"
    read_marker(comment)
  } else {
    comment = comment $0 "\n"
  }
  next
}

/^<!--/ {
  if (marker_kind != "") fail(marker_line, "no block follows this mark")
  marker_line = NR
  comment = substr($0, 5)
  if (sub(/-->[ \t]*$/, "", comment)) {
    read_marker(trim(comment))
  } else {
    comment = comment "\n"
    in_comment = 1
  }
  next
}

/^ *```/ {
  in_fence = 1
  ++fences
  block = ""
  block_line = NR
  language = substr(trim($0), 4)
  if (language !~ /^(cpp|text|sh|cmake|python|json)$/) {
    fail(NR, "a code block says what it is in, one of: cpp, text, sh, cmake, python, json")
  }
  next
}

marker_kind != "" && trim($0) != "" { fail(marker_line, "no block follows this mark") }
/^    / || /^\t/ { fail(NR, "code stands between fences (```), not behind four spaces") }

END {
  if (failed) exit 1
  if (in_fence) fail(block_line, "this block has no end")
  if (in_comment || marker_kind != "") fail(marker_line, "no block follows this mark")
  if (pieces != "") {
    printf "%s\nnamespace page {\n%s}\n", prelude_of(pieces), pieces > (out "/page.cpp")
    if (cases != "") {
      cases = "  weft::virtual_clock clock;\n  switch (argc > 1 ? std::atoi(argv[1]) : 0) {\n" cases "  }\n"
    }
    printf "int main([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {\n%s  return 1;\n}\n", \
      cases > (out "/page.cpp")
  }
  if (fences > 0 && blocks == 0) fail(1, "there is code on this page, and no C++")
}
