#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "supervisor/arms/hold/access_index.hpp"
#include "supervisor/arms/hold/accesses.hpp"
#include "supervisor/arms/hold/call_filter.hpp"
#include "supervisor/arms/hold/draw.hpp"
#include "supervisor/arms/hold/function_names.hpp"
#include "supervisor/arms/hold/hold_queue.hpp"
#include "supervisor/arms/hold/options.hpp"
#include "tests/support/catch.hpp"

using namespace ndr::hold;

TEST_CASE("the command line says what is held, and which command") {
  const auto options = hold_options_from({"--breakpoints",
                                          "8",
                                          "--hold-us",
                                          "300",
                                          "--calls",
                                          "0.25",
                                          "--call-us",
                                          "20",
                                          "--seed",
                                          "18446744073709551615",
                                          "--report",
                                          "r",
                                          "--near",
                                          "n",
                                          "--index",
                                          "i",
                                          "--",
                                          "run_test.sh",
                                          "--seed",
                                          "1"});
  REQUIRE(options.has_value());
  CHECK(options->task == HoldTask::run);
  CHECK(options->breakpoints == 8);
  CHECK(options->hold_us == 300);
  CHECK(options->call_chance == Approx(0.25));
  CHECK(options->call_us == 20);
  CHECK(options->seed == UINT64_MAX);
  CHECK(options->report == "r");
  CHECK(options->near == "n");
  CHECK(options->index == "i");
  CHECK(options->command == std::vector<std::string>{"run_test.sh", "--seed", "1"});
  CHECK(hold_options_from({"true"})->command == std::vector<std::string>{"true"});
  CHECK(hold_options_from({"--check"})->task == HoldTask::check);
  CHECK(hold_options_from({"--help"})->task == HoldTask::help);
}

TEST_CASE("words that are not understood are refused by their name") {
  const auto refused_field = [](const std::vector<std::string>& words) {
    const auto options = hold_options_from(words);
    return options ? std::string{"taken"} : options.error().field;
  };
  CHECK(refused_field({}) == "COMMAND");
  CHECK(refused_field({"--seed", "1", "--"}) == "COMMAND");
  CHECK(refused_field({"--loud", "1", "true"}) == "--loud");
  CHECK(refused_field({"--breakpoints"}) == "--breakpoints");
  CHECK(refused_field({"--breakpoints", "1001", "true"}) == "--breakpoints");
  CHECK(refused_field({"--hold-us", "-1", "true"}) == "--hold-us");
  CHECK(refused_field({"--call-us", "1000001", "true"}) == "--call-us");
  CHECK(refused_field({"--calls", "1.5", "true"}) == "--calls");
  CHECK(refused_field({"--calls", "nan", "true"}) == "--calls");
  CHECK(refused_field({"--seed", "1x", "true"}) == "--seed");
  CHECK(refused_field({"--report", "", "true"}) == "--report");
}

namespace {

std::vector<AccessKind> kinds_in(const std::vector<std::uint8_t>& code) {
  std::vector<AccessKind> kinds;
  for (const MemoryAccess& access : accesses_in(code, 0x1000))
    kinds.push_back(access.kind);
  return kinds;
}

}  // namespace

TEST_CASE("loads and stores are found, by their form") {
  const std::vector<AccessKind> own{AccessKind::own};
  const std::vector<AccessKind> stack{AccessKind::stack};
  const std::vector<AccessKind> none;
  CHECK(kinds_in({0x8b, 0x00}) == own);                                    // mov eax, [rax]
  CHECK(kinds_in({0x89, 0x05, 0x10, 0, 0, 0}) == own);                     // mov [rip+16], eax
  CHECK(kinds_in({0x48, 0x8b, 0x45, 0xf8}) == stack);                      // mov rax, [rbp-8]
  CHECK(kinds_in({0x89, 0x44, 0x24, 0x0c}) == stack);                      // mov [rsp+12], eax
  CHECK(kinds_in({0x8b, 0x44, 0x85, 0xd0}) == own);                        // mov eax, [rbp+rax*4-48]
  CHECK(kinds_in({0xf0, 0x83, 0x44, 0x24, 0x08, 0x01}) == own);            // lock add [rsp+8], 1
  CHECK(kinds_in({0x48, 0x87, 0x45, 0xf8}) == own);                        // xchg [rbp-8], rax
  CHECK(kinds_in({0xf0, 0x0f, 0xb1, 0x11}) == own);                        // lock cmpxchg [rcx], edx
  CHECK(kinds_in({0xf3, 0xa4}) == own);                                    // rep movsb
  CHECK(kinds_in({0xe8, 0, 0, 0, 0}) == std::vector{AccessKind::call});    // call
  CHECK(kinds_in({0x48, 0x8d, 0x45, 0xf8}) == none);                       // lea rax, [rbp-8]
  CHECK(kinds_in({0x0f, 0x1f, 0x44, 0x00, 0x00}) == none);                 // nop [rax+rax]
  CHECK(kinds_in({0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}) == none);  // mov rax, fs:[40]
  CHECK(kinds_in({0xff, 0x25, 0, 0, 0, 0}) == none);                       // jmp [rip], as in a PLT
  CHECK(kinds_in({0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3}) == none);           // push, mov, pop, ret
}

TEST_CASE("an access has its address and its first byte, and bytes that are no instruction end a function") {
  const std::vector<std::uint8_t> code{0x55, 0x48, 0x89, 0xe5, 0x48, 0x8b, 0x07, 0x06, 0x8b, 0x00};
  CHECK(accesses_in(code, 0x401000) == std::vector{MemoryAccess{0x401004, 0x48, AccessKind::own}});
  CHECK(accesses_in({}, 0).empty());
}

TEST_CASE("whose a function is, says its name") {
  for (const char* name : {"main", "add", "_ZN5Queue4pushEi", "_ZNSt6atomicIbE5storeEbSt12memory_order", "_RNvC1a3add",
                           "_ZN4core4Pipe4pushEi", "add.part.0"}) {
    INFO(name);
    CHECK(owner_of(name) == FunctionOwner::test);
  }
  for (const char* name : {"_ZNSt6vectorIiSaIiEE9push_backEOi", "_ZNKSt6vectorIiSaIiEE4sizeEv", "_ZSt4swapIiEvRT_S1_",
                           "_ZN9__gnu_cxx13new_allocatorIiED2Ev", "_ZN7testing4Test5SetUpEv"}) {
    INFO(name);
    CHECK(owner_of(name) == FunctionOwner::library);
  }
  for (const char* name : {"", "_start", "__libc_csu_init", "frame_dummy", "_GLOBAL__sub_I_count",
                           "_ZN4core3fmt5write17h0123456789abcdefE"}) {
    INFO(name);
    CHECK(owner_of(name) == FunctionOwner::nobody);
  }
  CHECK(owner_of_go("main.(*Queue).Push") == FunctionOwner::test);
  CHECK(owner_of_go("example.com/queue.Push") == FunctionOwner::test);
  CHECK(owner_of_go("sync.example.com/queue.Push") == FunctionOwner::test);
  CHECK(owner_of_go("sync/atomic.AddInt64") == FunctionOwner::nobody);
  CHECK(owner_of_go("runtime.(*mheap).alloc") == FunctionOwner::nobody);
  CHECK(owner_of_go("type:.eq.main.Queue") == FunctionOwner::nobody);
}

TEST_CASE("names near a failure are compared without parameters") {
  CHECK(readable_name("_ZN2ns5Queue4pushEi") == "ns::Queue::push");
  CHECK(readable_name("_ZNK5Queue4sizeEv") == "Queue::size");
  CHECK(readable_name("_ZN12_GLOBAL__N_13addEv") == "(anonymous namespace)::add");
  CHECK(readable_name("main.(*Queue).Push") == "main.(*Queue).Push");
  const auto names = near_names("function Queue::push(int)\n\n  take  \r\n");
  CHECK(names == std::vector<std::string>{"Queue::push", "take"});
  CHECK(is_near("_ZN2ns5Queue4pushEi", names));
  CHECK(is_near("take_one", names));
  CHECK_FALSE(is_near("_ZN2ns5Queue3popEv", names));
  CHECK(near_names("\n \n").empty());
}

TEST_CASE("draws are of different accesses, mostly of those that others reach, and the same by the same seed") {
  const std::array<std::uint64_t, access_kinds> counts{100, 100, 0, 1000};
  Random random{7};
  std::array<int, access_kinds> drawn{};
  for (int i = 0; i < 2000; ++i) {
    auto numbers = draw_accesses(counts, {}, 8, random);
    REQUIRE(numbers.size() == 8);
    for (const std::size_t number : numbers)
      ++drawn[number < 100 ? 0 : number < 200 ? 1 : 3];
    std::sort(numbers.begin(), numbers.end());
    REQUIRE(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
    REQUIRE(numbers.back() < 1200);
  }
  // 800, 200, and of the library a fifth of all; without replacement a little is lost at the top.
  CHECK(drawn[0] == Approx(16000 * 0.64).epsilon(0.05));
  CHECK(drawn[1] == Approx(16000 * 0.16).epsilon(0.1));
  CHECK(drawn[3] == Approx(16000 * 0.2).epsilon(0.1));
  Random one{3};
  Random other{3};
  CHECK(draw_accesses(counts, {}, 8, one) == draw_accesses(counts, {}, 8, other));
  CHECK(draw_accesses({2, 1, 0, 0}, {}, 8, random) == std::vector<std::size_t>{0, 1, 2});
  CHECK(draw_accesses({}, {}, 8, random).empty());
}

TEST_CASE("what is never reached is drawn less and less") {
  std::vector<AccessHistory> histories(100);
  for (int i = 0; i < 300; ++i)
    histories[0] = after(histories[0], false);
  for (int i = 0; i < 300; ++i)
    histories[1] = after(after(histories[1], false), true);
  CHECK(worth(histories[0]) < 0.01);
  CHECK(worth(histories[1]) == Approx(1).margin(0.01));
  CHECK(worth({}) == 1);
  Random random{11};
  int never = 0;
  int always = 0;
  for (int i = 0; i < 2000; ++i) {
    for (const std::size_t number : draw_accesses({100, 0, 0, 0}, histories, 4, random)) {
      never += static_cast<int>(number == 0);
      always += static_cast<int>(number == 1);
    }
  }
  CHECK(never < 5);
  CHECK(always == Approx(80).margin(30));
}

TEST_CASE("holds have the lengths that are asked for") {
  Random random{5};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t ns = breakpoint_hold_ns(1000, random);
    REQUIRE(ns >= 200'000);
    REQUIRE(ns < 1'800'000);
    REQUIRE(call_hold_ns(1000, random) < 1'000'000);
    REQUIRE(passes_before_hold(random) < 16);
  }
  int held = 0;
  for (int i = 0; i < 4000; ++i)
    held += static_cast<int>(start_hold_ns(1000, 0.25, random) > 0);
  CHECK(held == Approx(1000).margin(100));
  HoldQueue queue;
  queue.add({30, 3, 1});
  queue.add({10, 1, 2});
  queue.add({20, 2, 3});
  CHECK(queue.next_end_ns() == 10U);
  CHECK_FALSE(queue.due(9));
  CHECK(queue.due(25)->tid == 1);
  CHECK(queue.due(25)->tid == 2);
  CHECK_FALSE(queue.due(25));
}

TEST_CASE("an index holds the accesses by kinds, and what is cut is no index") {
  const ProgramAccesses program{0x1040, {{0x2000, 0x8b, AccessKind::stack}, {0x1000, 0x48, AccessKind::own}}};
  const std::string bytes = index_bytes(program);
  const int file = ::memfd_create("index", MFD_CLOEXEC);
  REQUIRE(::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const auto index = AccessIndex::mapped(file);
  REQUIRE(index != nullptr);
  CHECK(index->header().entry == 0x1040);
  CHECK(index->header().counts == std::array<std::uint64_t, access_kinds>{1, 1, 0, 0});
  CHECK(index->address(0) == 0x1000);
  CHECK(index->first_byte(0) == 0x48);
  CHECK(index->address(1) == 0x2000);
  CHECK(index->histories().size() == 2);
  REQUIRE(::ftruncate(file, static_cast<off_t>(bytes.size() - 1)) == 0);
  CHECK(AccessIndex::mapped(file) == nullptr);
  REQUIRE(::ftruncate(file, 8) == 0);
  CHECK(AccessIndex::mapped(file) == nullptr);
  ::close(file);
}

TEST_CASE("the filter's jumps lead to its last answer") {
  const auto filter = call_filter();
  REQUIRE(filter.size() > 20);
  CHECK(filter.back().k == SECCOMP_RET_TRACE);
  CHECK(filter[filter.size() - 2].k == SECCOMP_RET_ALLOW);
  for (std::size_t at = 4; at + 2 < filter.size(); ++at)
    CHECK(at + 1 + filter[at].jt == filter.size() - 1);
}
