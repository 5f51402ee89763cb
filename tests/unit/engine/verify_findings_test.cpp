#include "engine/verify_findings.h"

#include <catch2/catch.hpp>

namespace verify_findings_test {

using namespace pgrecall;

namespace {

Finding finding(FindingSeverity severity, const std::string& object, const std::string& backup) {
  Finding made;
  made.severity = severity;
  made.kind = finding_kind::corrupt_object;
  made.object = object;
  made.backups = {backup};
  made.problem = "is broken";
  return made;
}

}  // namespace

TEST_CASE("the same thing found for two backups is one finding that names both once", "[verify]") {
  VerifyFindings findings;
  findings.add(finding(FindingSeverity::damage, "pack", "one"));
  findings.add(finding(FindingSeverity::damage, "pack", "two"));
  findings.add(finding(FindingSeverity::damage, "pack", "two"));
  findings.also_hits(finding_kind::corrupt_object, "pack", {}, "three");
  const auto list = findings.take();
  REQUIRE(list.size() == 1);
  CHECK(list[0].backups == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("places keep findings of one object apart", "[verify]") {
  VerifyFindings findings;
  findings.add(finding(FindingSeverity::damage, "pack", "one"), "64");
  findings.add(finding(FindingSeverity::damage, "pack", "one"), "128");
  CHECK(findings.take().size() == 2);
}

TEST_CASE("damage comes first, and only damage makes a backup damaged", "[verify]") {
  VerifyFindings findings;
  findings.add(finding(FindingSeverity::notice, "a", "one"));
  findings.add(finding(FindingSeverity::damage, "b", "two"));
  CHECK_FALSE(findings.damage_of("one"));
  CHECK(findings.damage_of("two") == "is broken (object=b)");
  const auto list = findings.take();
  REQUIRE(list.size() == 2);
  CHECK(list[0].object == "b");
}

TEST_CASE("findings beyond the limit are counted, and their backups are damaged all the same", "[verify]") {
  VerifyFindings findings;
  for (std::size_t i = 0; i < VerifyFindings::max_findings + 3; ++i) {
    findings.add(finding(FindingSeverity::damage, std::to_string(i), "backup " + std::to_string(i)));
  }
  CHECK(findings.damage_of("backup " + std::to_string(VerifyFindings::max_findings + 2)));
  const auto list = findings.take();
  REQUIRE(list.size() == VerifyFindings::max_findings + 1);
  CHECK(list.back().kind == finding_kind::more_findings);
  CHECK(list.back().severity == FindingSeverity::damage);
  CHECK(list.back().problem.starts_with("3 "));
}

TEST_CASE("a finding that hits very many backups names the first hundred", "[verify]") {
  VerifyFindings findings;
  for (int i = 0; i < 150; ++i) {
    findings.add(finding(FindingSeverity::damage, "pack", std::to_string(i)));
  }
  CHECK(findings.damage_of("149"));
  CHECK(findings.take().at(0).backups.size() == VerifyFindings::max_backups_named);
}

TEST_CASE("what a read says of its object counts more than what was read for", "[verify]") {
  VerifyFindings findings;
  findings.corrupt(Error(ErrorKind::corruption, "bad").with("object", "the real one"), "another", "one");
  CHECK(findings.take().at(0).object == "the real one");
}

}  // namespace verify_findings_test
