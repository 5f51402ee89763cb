#include "postgres/relative_path.h"

#include <catch2/catch.hpp>

namespace relative_path_test {

using namespace pgrecall;

TEST_CASE("only plain paths stay within their directory", "[relative_path]") {
  for (const char* path : {"a", "a/b", "..a", "a..", "...", "a b/c\nd", "caf\xE9"}) {
    INFO(path);
    CHECK(is_plain_relative_path(path));
  }
  for (const std::string_view path :
       {std::string_view(""), std::string_view("/"), std::string_view("/a"), std::string_view("a/"), std::string_view("a//b"),
        std::string_view("."), std::string_view(".."), std::string_view("./a"), std::string_view("../a"),
        std::string_view("a/.."), std::string_view("a/../b"), std::string_view("a/./b"), std::string_view("a\0b", 3)}) {
    INFO(path);
    CHECK_FALSE(is_plain_relative_path(path));
  }
}

}  // namespace relative_path_test
