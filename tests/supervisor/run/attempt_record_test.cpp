#include "supervisor/run/attempt_record.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "supervisor/clock.hpp"
#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace ndr;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

struct World {
  asio::io_context io;
  SampleStore sample;
  ChangeFeed changes{io.get_executor()};
  StoreAccess store{sample.store, changes};
  AttemptId id = sample.store.attempts.begin(sample.intent(3));

  AttemptRow row() { return *sample.store.attempts.find(id); }
  std::vector<EventRow> events() { return sample.store.events.after(EventId{}, 1000); }
  void keep(AttemptRecord& record) {
    asio::co_spawn(io, record.keep(), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    io.restart();
    io.poll();
  }
};

LogSignalRow signal(const std::string& rule, std::uint64_t offset) {
  LogSignalRow row;
  row.rule = rule;
  row.signal_class = "exception";
  row.offset = offset;
  row.line = "E   AssertionError";
  row.fields_json = "{}";
  row.seen_at_ms = 5;
  return row;
}

}  // namespace

TEST_CASE("that a run exists is stored at once, with its event") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  run_coroutine(world.io, record.spawned());
  REQUIRE(world.row().spawned_at_ms);
  CHECK(wall_ms() - *world.row().spawned_at_ms < 60000);
  REQUIRE(world.events().size() == 1);
  CHECK(world.events()[0].type == "attempt.state");
  CHECK(world.events()[0].attempt_id == world.id);
  CHECK(world.events()[0].subject == "gather-timeout");
  CHECK_THAT(world.events()[0].body,
             ContainsSubstring("\"spawned_at_ms\":" + std::to_string(*world.row().spawned_at_ms)));
}

TEST_CASE("signals are stored in one batch, soon but not at once") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  world.keep(record);
  const std::uint64_t before = world.changes.generation();
  record.add(signal("a", 10));
  record.add(signal("b", 20));
  record.advance(30, 2);
  world.io.poll();
  CHECK(world.sample.store.attempts.signal_count(world.id) == 0);
  const std::int64_t began = steady_ms();
  while (world.changes.generation() == before)
    world.io.run_one();
  CHECK(steady_ms() - began < 1000);
  CHECK(world.changes.generation() == before + 1);
  const auto stored = world.sample.store.attempts.signals(world.id, 0, 10);
  REQUIRE(stored.size() == 2);
  CHECK(stored[1].rule == "b");
  CHECK(stored[1].offset == 20);
  CHECK(world.row().log_offset == 30);
  CHECK(world.row().iterations == 2);
  REQUIRE(world.events().size() == 2);
  CHECK(world.events()[1].type == "attempt.signal");
  CHECK_THAT(world.events()[1].body, ContainsSubstring("\"rule\":\"b\""));
  CHECK(world.events()[1].body.find("\"id\"") == std::string::npos);
}

TEST_CASE("what is pending at the end is stored by the end") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  record.add(signal("a", 10));
  record.advance(99, 7);
  record.stopping(StopAsked{Stalled{"mid_run", 30000}, 99});
  record.finish();
  run_coroutine(world.io, record.keep());
  CHECK(world.sample.store.attempts.signal_count(world.id) == 1);
  CHECK(world.row().log_offset == 99);
  CHECK(world.events().size() == 2);
}

TEST_CASE("nothing new, nothing written") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  record.advance(0, 0);
  record.finish();
  run_coroutine(world.io, record.keep());
  CHECK(world.changes.generation() == 0);
}

TEST_CASE("a flood of signals is stored up to a limit") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  for (std::uint64_t i = 0; i < 5000; ++i)
    record.add(signal("a", i));
  record.finish();
  run_coroutine(world.io, record.keep());
  CHECK(world.sample.store.attempts.signal_count(world.id) == 2000);
}

TEST_CASE("what a full disk refuses is tried again") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  world.sample.store.database.execute("PRAGMA query_only = 1");
  record.add(signal("a", 10));
  record.advance(50, 1);
  world.keep(record);
  world.io.run_for(200ms);
  CHECK(world.sample.store.attempts.signal_count(world.id) == 0);
  record.add(signal("b", 60));
  world.sample.store.database.execute("PRAGMA query_only = 0");
  record.finish();
  world.io.run();
  const auto stored = world.sample.store.attempts.signals(world.id, 0, 10);
  REQUIRE(stored.size() == 2);
  CHECK(stored[0].rule == "a");
  CHECK(world.row().log_offset == 50);
}

TEST_CASE("a full disk ends neither the attempt nor its stop") {
  World world;
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  world.sample.store.database.execute("PRAGMA query_only = 1");
  run_coroutine(world.io, record.will_stop(StopAsked{Cancelled{}, 5}));
  record.finish();
  run_coroutine(world.io, record.keep());
  world.sample.store.database.execute("PRAGMA query_only = 0");
  CHECK(world.events().empty());
}

TEST_CASE("a later daemon learns why an attempt was being stopped") {
  World world;
  CHECK_FALSE(run_coroutine(world.io, stored_stop(world.store, world.row())));
  AttemptRecord record{world.io.get_executor(), world.store, world.row()};
  run_coroutine(world.io, record.spawned());
  CHECK_FALSE(run_coroutine(world.io, stored_stop(world.store, world.row())));
  for (int i = 0; i < 600; ++i)
    record.add(signal("a", 1));
  run_coroutine(world.io, record.will_stop(StopAsked{Stalled{"shut_down", 30500}, 1234}));
  record.stopping(StopAsked{Cancelled{}, 2000});
  record.finish();
  run_coroutine(world.io, record.keep());
  const auto stop = run_coroutine(world.io, stored_stop(world.store, world.row()));
  REQUIRE(stop);
  REQUIRE(std::holds_alternative<Stalled>(stop->cause));
  CHECK(std::get<Stalled>(stop->cause).phase == "shut_down");
  CHECK(std::get<Stalled>(stop->cause).silent_ms == 30500);
  CHECK(stop->log_size == 1234);
}

TEST_CASE("each cause of a stop has a text that is read back") {
  for (const Ending& ending :
       {Ending{SignalSeen{"pytest.failed"}}, Ending{Stalled{"mid_run", 7}}, Ending{OutOfTime{}}, Ending{Cancelled{}}}) {
    const auto back = ending_from(to_text(ending));
    REQUIRE(back);
    CHECK(back->index() == ending.index());
    CHECK(to_text(*back) == to_text(ending));
  }
  for (const char* text : {"", "signal", "signal ", "stall mid_run", "stall mid_run x", "whim"})
    CHECK_FALSE(ending_from(text));
  CHECK(to_text(Ending{Exited{}}).empty());
}
