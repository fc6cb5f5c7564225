#include "storage/process_identity.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a process has one identity for its whole life") {
  const auto first = process_identity(::getpid());
  REQUIRE(first.has_value());
  CHECK(first->pid == ::getpid());
  CHECK(first->boot_id == kernel_boot_id());
  CHECK(process_identity(::getpid()) == first);
  CHECK(process_identity_from(to_text(*first)) == first);
}

TEST_CASE("a zombie is dead") {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(process_identity(child).has_value());
  REQUIRE(process_stat(child).has_value());
  CHECK(is_dead(*process_stat(child)));
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(process_stat(child).has_value());
}

TEST_CASE("a process may choose any name without moving the fields of its stat line") {
  const std::string fields = " S 7 42 41 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 987654 1 2 3\n";
  for (const std::string& name : std::vector<std::string>{"sh", "a b", ") S 1 1 1", "(((", "x) (y", ""}) {
    INFO(name);
    const auto stat = process_stat_from("42 (" + name + ")" + fields);
    REQUIRE(stat.has_value());
    CHECK(stat->name == name);
    CHECK(stat->pid == 42);
    CHECK(stat->parent == 7);
    CHECK(stat->group == 42);
    CHECK(stat->session == 41);
    CHECK(stat->start_time == 987654);
  }
  CHECK_FALSE(process_stat_from("42 (sh) S 7").has_value());
  CHECK_FALSE(process_stat_from("").has_value());
}

TEST_CASE("an identity is read only from the text that we write") {
  const std::string boot(36, 'a');
  CHECK(process_identity_from(boot + " 12 34\n") == ProcessIdentity{boot, 12, 34});
  for (const std::string& text : {boot + " 12 34", boot + " 12\n", boot + " 0 34\n", boot + " -2 34\n",
                                  boot + " 12 34 5\n", boot + " 12 x\n", std::string("short 12 34\n"), std::string()}) {
    INFO(text);
    CHECK_FALSE(process_identity_from(text).has_value());
  }
}
