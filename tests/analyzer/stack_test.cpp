#include "analyzer/evidence/stack.hpp"

#include "tests/support/catch.hpp"

TEST_CASE("Python frames of tracebacks and of faulthandler are read") {
  const auto traceback = ndr::python_frame("  File \"/srv/a b.py\", line 12, in run", {0, 3, 40});
  REQUIRE(traceback);
  CHECK(traceback->file == "/srv/a b.py");
  CHECK(traceback->line == 12);
  CHECK(traceback->function == "run");
  CHECK(traceback->origin.line == 3);
  const auto dump = ndr::python_frame("  File \"a.py\", line 7 in <module>", {});
  REQUIRE(dump);
  CHECK(dump->function == "<module>");
  for (const char* other : {"File a.py", "  File \"a.py\"", "  File \"a.py\", line x", ""})
    CHECK_FALSE(ndr::python_frame(other, {}));
}

TEST_CASE("native frames of all kinds are read") {
  const auto asan = ndr::native_frame("    #1 0x55d0 in app::Ring<int>::pop(int&) /srv/ring.hpp:64:21", {});
  REQUIRE(asan);
  CHECK(asan->file == "/srv/ring.hpp");
  CHECK(asan->line == 64);
  CHECK(ndr::bare_function(asan->function) == "app::Ring::pop");
  const auto tsan = ndr::native_frame("    #0 work() /srv/t5.cpp:3 (t5+0x1245)", {});
  REQUIRE(tsan);
  CHECK(tsan->line == 3);
  CHECK(ndr::bare_function(tsan->function) == "work");
  const auto gdb = ndr::native_frame("#2  0x00007f in app::run (n=3) at src/run.cpp:8", {});
  REQUIRE(gdb);
  CHECK(gdb->file == "src/run.cpp");
  CHECK(gdb->function == "app::run");
  const auto module = ndr::native_frame(" --- /lib/libx.so(+0x570add) [0x7f00]", {});
  REQUIRE(module);
  CHECK(module->file == "/lib/libx.so");
  CHECK(module->function.empty());
  const auto function = ndr::native_frame(" --- tt::queue::wait(std::span<int const>)", {});
  REQUIRE(function);
  CHECK(ndr::bare_function(function->function) == "tt::queue::wait");
  const auto mpi = ndr::native_frame("[ 1] /lib/libx.so(_ZN3app+0x12)[0x7f00]", {});
  REQUIRE(mpi);
  CHECK(mpi->function == "_ZN3app");
  CHECK_FALSE(ndr::native_frame("[gw0] PASSED", {}));
  CHECK_FALSE(ndr::native_frame("#comment", {}));
}

TEST_CASE("functions lose result types, arguments and template arguments") {
  CHECK(ndr::bare_function("void app::f(int) const") == "app::f");
  CHECK(ndr::bare_function("(anonymous namespace)::g(bool)") == "g");
  CHECK(ndr::bare_function("app::(anonymous namespace)::h<int>(bool)") == "app::h");
  CHECK(ndr::bare_function("app::operator()(int)") == "app::operator()");
  CHECK(ndr::bare_function("test_a") == "test_a");
}

TEST_CASE("the innermost own frame is found in either order") {
  std::vector<ndr::StackFrame> stack(3);
  stack[0].file = "tests/a.py";
  stack[1].file = "src/b.py";
  stack[2].file = "/usr/lib/python3.10/threading.py";
  REQUIRE(ndr::innermost_own_frame(stack, true));
  CHECK(ndr::innermost_own_frame(stack, true)->file == "src/b.py");
  CHECK(ndr::innermost_own_frame(stack, false)->file == "tests/a.py");
  stack.erase(stack.begin(), stack.begin() + 2);
  CHECK(ndr::innermost_own_frame(stack, true) == nullptr);
}
