// The JSON reader of the tests: what it reads, what it refuses, and what it says then.
// SPDX-License-Identifier: MIT
#include "support/json.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

namespace json = support::json;

namespace support_json_test {

/// The message with which the text is refused; empty if it is accepted.
std::string refusal(std::string_view text, std::size_t max_depth = json::default_max_depth) {
  try {
    json::parse(text, max_depth);
    return {};
  } catch (const json::error& e) {
    return e.what();
  }
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_CASE("json: scalars are read", "[support][json]") {
  CHECK(json::parse("null").is_null());
  CHECK(json::parse("true").as_boolean());
  CHECK_FALSE(json::parse(" false\r\n\t ").as_boolean());
  CHECK(json::parse("0").as_integer() == 0);
  CHECK(json::parse("-0").as_integer() == 0);
  CHECK(json::parse("-120").as_integer() == -120);
  CHECK(json::parse("1.5").as_real() == 1.5);
  CHECK(json::parse("-25e-1").as_real() == -2.5);
  CHECK(json::parse("1E+2").as_real() == 100.0);
  CHECK(json::parse("7").as_real() == 7.0);
  CHECK(json::parse("\"\"").as_string().empty());
  CHECK(json::parse("\"weft\"").as_string() == "weft");
}

TEST_CASE("json: integers have 64 bits, and one more is an error", "[support][json]") {
  CHECK(json::parse("9223372036854775807").as_integer() == std::numeric_limits<std::int64_t>::max());
  CHECK(json::parse("-9223372036854775808").as_integer() == std::numeric_limits<std::int64_t>::min());
  CHECK(refusal("9223372036854775808") == "offset 0: the integer does not fit into 64 bits");
  CHECK(refusal("[-9223372036854775809]") == "offset 1: the integer does not fit into 64 bits");
  CHECK(refusal("123456789012345678901234567890") == "offset 0: the integer does not fit into 64 bits");
  CHECK(refusal("1e999") == "offset 0: the number does not fit into a double");
}

TEST_CASE("json: arrays and objects keep their order", "[support][json]") {
  const json::value v = json::parse(R"( { "b" : [ 1 , "two", [ ] ] , "a" : { } } )");
  REQUIRE(v.as_object().size() == 2);
  CHECK(v.as_object()[0].key == "b");
  CHECK(v.as_object()[1].key == "a");
  const json::array& items = v.at("b").as_array();
  REQUIRE(items.size() == 3);
  CHECK(items[0].as_integer() == 1);
  CHECK(items[1].as_string() == "two");
  CHECK(items[2].as_array().empty());
  CHECK(v.at("a").as_object().empty());
  CHECK(v.find("c") == nullptr);
}

TEST_CASE("json: escapes become UTF-8", "[support][json]") {
  CHECK(json::parse(R"("\"\\\/\b\f\n\r\t")").as_string() == "\"\\/\b\f\n\r\t");
  CHECK(json::parse(R"("\u0041\u00e9\u20AC\ud83d\ude00")").as_string() == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(json::parse("\"\\u0000\"").as_string() == std::string(1, '\0'));
  CHECK(json::parse("\"\xC3\xA9\xF0\x9F\x98\x80\"").as_string() == "\xC3\xA9\xF0\x9F\x98\x80");
}

TEST_CASE("json: a value knows its offset", "[support][json]") {
  const json::value v = json::parse(R"([1, {"k": "v"}])");
  CHECK(v.offset() == 0);
  CHECK(v.as_array()[1].offset() == 4);
  CHECK(v.as_array()[1].at("k").offset() == 10);
}

TEST_CASE("json: a value of another kind is refused with its place", "[support][json]") {
  const json::value v = json::parse(R"({"x": [1, 1.5]})");
  const auto message = [](auto&& look) {
    try {
      look();
      return std::string("nothing thrown");
    } catch (const json::error& e) {
      return std::string(e.what());
    }
  };
  CHECK(message([&] { v.at("x").as_string(); }) == "offset 6: expected a string, found an array");
  CHECK(message([&] { v.at("x").as_array()[1].as_integer(); }) ==
        "offset 10: expected an integer, found a real number");
  CHECK(message([&] { v.at("y"); }) == "offset 0: the key \"y\" is missing");
  CHECK(message([&] { v.at("x").find("k"); }) == "offset 6: expected an object, found an array");
}

TEST_CASE("json: what the grammar does not allow is refused", "[support][json]") {
  struct bad {
    std::string_view text;
    std::string_view message;
  };
  const std::vector<bad> all = {
      {"", "offset 0: expected a value, found the end of the text"},
      {"  ", "offset 2: expected a value, found the end of the text"},
      {"nul", "offset 0: expected a value, found 'n'"},
      {"True", "offset 0: expected a value, found 'T'"},
      {"nullx", "offset 4: expected the end of the text, found 'x'"},
      {"1 2", "offset 2: expected the end of the text, found '2'"},
      {"[1,]", "offset 3: expected a value, found ']'"},
      {"[1 2]", "offset 3: expected ',' or ']', found '2'"},
      {"[1", "offset 2: expected ',' or ']', found the end of the text"},
      {"[,1]", "offset 1: expected a value, found ','"},
      {"]", "offset 0: expected a value, found ']'"},
      {"{\"a\" 1}", "offset 5: expected ':', found '1'"},
      {"{\"a\":1,}", "offset 7: expected a key in double quotes, found '}'"},
      {"{\"a\":1 \"b\":2}", "offset 7: expected ',' or '}', found '\"'"},
      {"{a:1}", "offset 1: expected a key in double quotes, found 'a'"},
      {"{\"a\":1,\"a\":2}", "offset 7: the key \"a\" is there twice"},
      {"01", "offset 1: a number must not start with 0"},
      {"-", "offset 1: expected a digit, found the end of the text"},
      {"+1", "offset 0: expected a value, found '+'"},
      {".5", "offset 0: expected a value, found '.'"},
      {"1.", "offset 2: expected a digit, found the end of the text"},
      {"1e", "offset 2: expected a digit, found the end of the text"},
      {"NaN", "offset 0: expected a value, found 'N'"},
      {"// no\n1", "offset 0: expected a value, found '/'"},
      {"'a'", "offset 0: expected a value, found '''"},
      {"\"a", "offset 0: the string has no end"},
      {"\"a\\", "offset 2: unknown escape sequence"},
      {"\"a\\x\"", "offset 2: unknown escape sequence"},
      {"\"a\nb\"", "offset 2: a control character in a string must be escaped"},
      {"\"\\u12g4\"", "offset 1: \\u needs four hexadecimal digits"},
      {"\"\\u12", "offset 1: \\u needs four hexadecimal digits"},
      {"\"\\udc00\"", "offset 1: the second half of a surrogate pair without the first"},
      {"\"\\ud800x\"", "offset 1: the first half of a surrogate pair without the second"},
      {"\"\\ud800\\u0041\"", "offset 1: the first half of a surrogate pair without the second"},
      {"\"\x80\"", "offset 1: invalid UTF-8"},
      {"\"\xC0\x80\"", "offset 1: invalid UTF-8"},                           // overlong
      {"\"\xE0\x80\x80\"", "offset 1: invalid UTF-8"},                       // overlong
      {"\"\xED\xA0\x80\"", "offset 1: invalid UTF-8"},                       // a surrogate
      {"\"\xF4\x90\x80\x80\"", "offset 1: invalid UTF-8"},                   // beyond U+10FFFF
      {"\"\xE2\x82", "offset 1: invalid UTF-8"},                             // cut off
      {"\xEF\xBB\xBF[]", "offset 0: expected a value, found the byte 239"},  // a byte order mark
  };
  for (const bad& b : all) {
    CAPTURE(b.text);
    CHECK(refusal(b.text) == b.message);
  }
  CHECK(refusal(std::string_view("[\0]", 3)) == "offset 1: expected a value, found the byte 0");
  CHECK(refusal(std::string_view("1\0", 2)) == "offset 1: expected the end of the text, found the byte 0");
}

TEST_CASE("json: nesting has a limit", "[support][json]") {
  CHECK(refusal(nested(json::default_max_depth)).empty());
  CHECK(refusal(nested(json::default_max_depth + 1)) == "offset 100: nested deeper than 100 levels");
  CHECK(refusal(std::string(1'000'000, '[')) == "offset 100: nested deeper than 100 levels");
  CHECK(refusal("[1, {\"a\": {}}]", 2) == "offset 10: nested deeper than 2 levels");
  CHECK(refusal("1", 0).empty());
}

TEST_CASE("json: every prefix of a valid text is refused, none crashes", "[support][json]") {
  const std::string text = R"({"k":[1,-2.5e3,"\u00e9\ud83d\ude00",true,null,{"x":""}]})";
  REQUIRE(refusal(text).empty());
  for (std::size_t n = 0; n < text.size(); ++n) {
    CAPTURE(n);
    CHECK_FALSE(refusal(std::string_view(text).substr(0, n)).empty());
  }
}

}  // namespace support_json_test
